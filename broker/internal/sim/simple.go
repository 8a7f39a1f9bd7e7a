package sim

import (
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/internal/history/register"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// simplePartitions are those whose offsets simple consumers commit: few, so that they meet.
const simplePartitions = 2

// simple is a consumer that manages itself: it commits whatever offset it likes for a group without members, and reads what is
// committed, while others do the same. Only the judgement of registers (T-14) can say what it may see.
type simple struct {
	*user
	group string
	shard kafka.TopicPartition
}

func newSimple(u *user) *simple {
	s := &simple{user: u, group: fmt.Sprintf("simple%d", u.plan.Group)}
	s.shard = kafka.TopicPartition{Topic: kafka.OffsetsTopic, Partition: int32(u.plan.Group) % u.w.plan.GroupShards}
	s.soon(s.work)
	return s
}

func (s *simple) work() {
	if s.ending {
		return
	}
	s.leader(s.shard, func(node int) {
		switch {
		case node < 0:
			s.soon(s.work)
		case s.rng.IntN(2) == 0:
			partition := s.rng.Int32N(simplePartitions)
			s.commit(node, partition)
			for range s.rng.IntN(3) { // what do others see before it is answered?
				s.fetch(node, partition, nothing)
			}
		default:
			s.fetch(node, s.rng.Int32N(simplePartitions), s.again)
		}
	})
}

func (s *simple) again() { s.soon(s.work) }

func (s *simple) commit(node int, partition int32) {
	req, op := s.commitOffset(s.group, s.shard, partition, s.rng.Int64N(1000))
	s.ask(node, req, s.stuck(), s.again, func(resp kmsg.Response) {
		code := resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
		s.wrote(op, code)
		switch kerr.TypedErrorForCode(code) {
		case nil:
			s.w.some.hit("simple consumer committed")
		case kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress:
		default:
			s.w.violate("G-05", "a simple consumer is told %s for a commit", kerr.TypedErrorForCode(code).Message)
		}
	}, func() { s.open(op) })
}

func (s *simple) fetch(node int, partition int32, next func()) {
	begin := s.beginning(s.group, s.shard)
	s.ask(node, fetchOffsets(s.group, partition), 0, next, func(resp kmsg.Response) {
		g := &resp.(*kmsg.OffsetFetchResponse).Groups[0]
		if g.ErrorCode != 0 {
			return
		}
		s.w.some.hit("simple consumer read")
		s.read(begin, &g.Topics[0].Partitions[0])
	}, nothing)
}

// ask sends a request and goes on with next; then is called before with an answer of the coordinator, open if the outcome is open.
func (s *simple) ask(node int, req kmsg.Request, late time.Duration, next func(), then func(kmsg.Response), open func()) {
	about := groupRequest{Request: req, group: s.group, shard: s.shard, within: dataWithin, late: late}
	s.w.askGroup(s.actor, node, about, func(resp kmsg.Response, _ int, code *kerr.Error, _ error) {
		switch {
		case resp != nil:
			then(resp)
		case code == nil:
			open()
		}
		if resp == nil && code != kerr.CoordinatorLoadInProgress {
			delete(s.leaders, s.shard)
		}
		next()
	})
}

// stuck is for how long the connection of a request is stuck, mostly not at all, now and then for longer than anybody waits.
func (u *user) stuck() time.Duration {
	if u.ending || u.w.healed || u.rng.IntN(20) > 0 {
		return 0
	}
	return between(u.rng, time.Millisecond, 4*dataWithin)
}

// fetchOffsets asks for committed offsets of a group.
func fetchOffsets(group string, partitions ...int32) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.SetVersion(9)
	g, t := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	t.Topic, t.Partitions = groupTopic, partitions
	g.Group, g.Topics = group, append(g.Topics, t)
	req.Groups = append(req.Groups, g)
	return req
}

// commitOffset commits an offset outside of a generation, with metadata that no other commit has, and is an operation of the history that
// has just begun.
func (u *user) commitOffset(group string, shard kafka.TopicPartition, partition int32, offset int64) (*kmsg.OffsetCommitRequest, register.Op) {
	mark := fmt.Sprint(u.w.oracle.newValues(1))
	req := kmsg.NewPtrOffsetCommitRequest()
	req.SetVersion(9)
	req.Group = group
	t, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	t.Topic, p.Partition, p.Offset, p.Metadata = groupTopic, partition, offset, &mark
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	op := u.beginning(group, shard)
	op.Key.Partition, op.Write, op.Value = partition, true, written(offset, mark)
	return req, op
}

// beginning is an operation on a committed offset that begins now.
func (u *user) beginning(group string, shard kafka.TopicPartition) register.Op {
	k := register.Key{Group: group, Topic: groupTopic, Life: u.w.oracle.life(shard)}
	return register.Op{Key: k, Client: u.plan.ID, Begin: int64(u.w.e.now)}
}

// written is the value of a register: an offset with its metadata.
func written(offset int64, mark string) string { return fmt.Sprintf("%d (commit %s)", offset, mark) }

// wrote records a commit that was answered. Two codes say that the coordinator was lost after it may have appended it.
func (u *user) wrote(op register.Op, code int16) {
	switch kerr.TypedErrorForCode(code) {
	case nil:
		op.Outcome = register.Done
	case kerr.NotCoordinator, kerr.CoordinatorNotAvailable:
		op.Outcome = register.Unknown
	default:
		op.Outcome = register.Refused
	}
	op.End = int64(u.w.e.now)
	u.w.oracle.registers.Add(op)
}

// open records a commit without an answer.
func (u *user) open(op register.Op) {
	op.End, op.Outcome = int64(u.w.e.now), register.Unknown
	u.w.oracle.registers.Add(op)
}

// read records, as the end of an operation, what a fetch of a committed offset has returned.
func (u *user) read(op register.Op, p *kmsg.OffsetFetchResponseGroupTopicPartition) {
	op.Key.Partition, op.End = p.Partition, int64(u.w.e.now)
	if p.Offset >= 0 {
		mark := ""
		if p.Metadata != nil {
			mark = *p.Metadata
		}
		op.Value = written(p.Offset, mark)
	}
	u.w.oracle.registers.Add(op)
}
