package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What members of groups ask for.
const (
	groupTopic         = "shared"
	groupPartitions    = 5 // of it
	memberSessionMs    = 6000
	memberRebalanceMs  = 3000
	memberJoinWithin   = 12 * time.Second
	memberProtocol     = "range"
	memberProtocolType = "consumer"
)

// memberState is where a member is.
type memberState int

const (
	outside memberState = iota
	syncing
	fetching
	stable
)

func (s memberState) String() string {
	return [...]string{"outside", "syncing", "fetching its offsets", "stable"}[s]
}

// member is a consumer of a group, of the classic or of the newer protocol: it joins, commits larger and larger offsets of what
// it owns, leaves, and now and then forgets who it was.
type member struct {
	*user
	modern   bool // speaks KIP-848
	leaving  bool // modern: has to leave before it may come back as somebody else
	group    string
	shard    kafka.TopicPartition // of the offsets topic
	instance *string              // of a static member
	life     int                  // of the disk that its group is on

	state      memberState
	id         string
	generation int32
	count      int                                    // of the generations, see oracle.recounted
	tainted    int32                                  // a commit of this generation is open: only a newer one may commit again; -1: there is none
	changes    int                                    // of what it says about itself, each of which begins a new generation
	duties     []kmsg.SyncGroupRequestGroupAssignment // what it has decided as the leader
	positions  map[int32]int64                        // of the partitions that it owns: the offset that it has committed
}

func newMember(u *user) *member {
	p := u.plan
	m := &member{user: u, modern: p.Modern, group: fmt.Sprintf("group%d", p.Group), positions: map[int32]int64{}}
	m.shard = kafka.TopicPartition{Topic: kafka.OffsetsTopic, Partition: int32(p.Group) % u.w.plan.GroupShards}
	if p.Static {
		m.instance = kmsg.StringPtr(fmt.Sprintf("instance%d", p.ID))
	}
	m.life = u.w.oracle.life(m.shard)
	m.forget()
	m.soon(m.work)
	return m
}

// name is who owns what, over all the ids that a static member has had.
func (m *member) name() string {
	if m.instance != nil {
		return *m.instance
	}
	return m.id
}

func (m *member) unsettled() string { return m.w.unsettledGroup(m.group) }

// forget is a crash: nobody is told, and who comes back is somebody else.
func (m *member) forget() {
	m.id, m.generation, m.leaving, m.tainted = "", -1, false, -1
	if m.modern {
		m.id, m.generation = m.uuid(), 0
	}
	m.giveUp()
}

// giveUp is what a member does that has to join again.
func (m *member) giveUp() {
	m.state, m.duties = outside, nil
	clear(m.positions)
}

// work does one thing after the other.
func (m *member) work() {
	if life := m.w.oracle.life(m.shard); life != m.life { // the group is another one now
		m.life = life
		m.forget()
	}
	if !m.ending && m.state == stable && m.rng.IntN(m.crashEvery()) == 0 {
		m.w.some.hit("member crashed")
		m.forget()
		m.w.e.After(between(m.rng, 0, 9*time.Second), "member", m.actor, m.work)
		return
	}
	m.leader(m.shard, func(node int) {
		switch {
		case node < 0:
			m.soon(m.work)
		case m.leaving:
			m.leave(node)
		case m.modern && m.state == outside:
			m.reconcile(node)
		case m.state == outside:
			m.join(node)
		case m.state == syncing:
			m.sync(node)
		case m.state == fetching, len(m.positions) > 0 && m.rng.IntN(5) == 0: // again and again: who commits on would not notice a loss
			m.fetch(node)
		case !m.ending && m.rng.IntN(100) == 0:
			m.leave(node)
		case !m.ending && m.rng.IntN(2) == 0 && len(m.positions) > 0:
			m.commit(node)
		case m.modern:
			m.reconcile(node)
		default:
			m.beat(node)
		}
	})
}

// crashEvery is one in how many turns a member crashes: it is long before a consumer group gives up on one.
func (m *member) crashEvery() int {
	if m.modern {
		return 400
	}
	return 80
}

// ask sends a request. then is not called, and the member goes on, for an open outcome and for a refusal.
func (m *member) ask(node int, req kmsg.Request, within time.Duration, then func(kmsg.Response), open func()) {
	m.askLate(node, req, within, 0, then, open)
}

func (m *member) askLate(node int, req kmsg.Request, within, late time.Duration, then func(kmsg.Response), open func()) {
	about := groupRequest{Request: req, group: m.group, shard: m.shard, within: within, late: late}
	m.w.askGroup(m.actor, node, about, func(resp kmsg.Response, count int, code *kerr.Error, err error) {
		if resp != nil && m.life == m.w.oracle.life(m.shard) {
			m.count = count
			then(resp)
			m.soon(m.work)
			return
		}
		if code == nil {
			m.w.say("note over n%d: member %d of %s has no answer to its %s", 0, m.plan.ID, m.group, kmsg.NameForKey(req.Key()))
			open()
		}
		if code != kerr.CoordinatorLoadInProgress {
			delete(m.leaders, m.shard)
		}
		m.soon(m.work)
	})
}

func nothing() {}

func (m *member) join(node int) {
	req := kmsg.NewPtrJoinGroupRequest()
	req.SetVersion(9)
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = m.group, m.id, m.instance, memberProtocolType
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = memberSessionMs, memberRebalanceMs
	about := kmsg.NewConsumerMemberMetadata()
	about.Topics, about.UserData = []string{groupTopic}, []byte{byte(m.changes)}
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = memberProtocol, about.AppendTo(nil)
	req.Protocols = append(req.Protocols, p)
	m.ask(node, req, memberJoinWithin, func(resp kmsg.Response) { m.joined(resp.(*kmsg.JoinGroupResponse)) }, nothing)
}

func (m *member) joined(r *kmsg.JoinGroupResponse) {
	switch r.ErrorCode {
	case 0:
		if m.tainted >= 0 {
			m.taintOver(r.Generation)
		}
		m.id, m.generation, m.state, m.duties = r.MemberID, r.Generation, syncing, nil
		if r.LeaderID == r.MemberID && !r.SkipAssignment {
			m.duties = assign(r.Members)
		}
	case kerr.MemberIDRequired.Code:
		m.id = r.MemberID
	default:
		m.refused("join", r.ErrorCode)
	}
}

// taintOver: who has changed what it says about itself is in a newer generation, or in a group that has begun anew.
func (m *member) taintOver(generation int32) {
	if generation == m.tainted {
		m.w.violate("G-06", "member %d of group %s has changed and joins generation %d again", m.plan.ID, m.group, generation)
	}
	m.tainted = -1
	m.w.some.hit("member back in a newer generation after an open commit")
}

// assign gives the partitions to the members in turn.
func assign(members []kmsg.JoinGroupResponseMember) (all []kmsg.SyncGroupRequestGroupAssignment) {
	for i, member := range members {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID = member.MemberID
		t := kmsg.NewConsumerMemberAssignmentTopic()
		t.Topic = groupTopic
		for p := i; p < groupPartitions; p += len(members) {
			t.Partitions = append(t.Partitions, int32(p))
		}
		given := kmsg.NewConsumerMemberAssignment()
		given.Topics = append(given.Topics, t)
		a.MemberAssignment = given.AppendTo(nil)
		all = append(all, a)
	}
	return all
}

func (m *member) sync(node int) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.SetVersion(5)
	req.Group, req.MemberID, req.InstanceID, req.Generation = m.group, m.id, m.instance, m.generation
	req.ProtocolType, req.Protocol = kmsg.StringPtr(memberProtocolType), kmsg.StringPtr(memberProtocol)
	req.GroupAssignment = m.duties
	m.ask(node, req, memberJoinWithin, func(resp kmsg.Response) {
		r := resp.(*kmsg.SyncGroupResponse)
		if r.ErrorCode != 0 {
			m.refused("sync", r.ErrorCode)
			return
		}
		owned := m.assignment(r.MemberAssignment)
		m.w.oracle.owned(m, owned)
		m.w.some.hit("member has its assignment")
		m.state = stable
		if len(owned) > 0 {
			m.state = fetching
		}
		for _, p := range owned {
			m.positions[p] = -1
		}
	}, m.giveUp)
}

func (m *member) fetch(node int) {
	owned, begin := slices.Sorted(maps.Keys(m.positions)), m.beginning(m.group, m.shard)
	req := fetchOffsets(m.group, owned...)
	known := map[int32]int64{}
	for _, p := range owned {
		known[p] = m.w.oracle.knownOffset(m, p)
	}
	m.ask(node, req, dataWithin, func(resp kmsg.Response) {
		r := resp.(*kmsg.OffsetFetchResponse).Groups[0]
		if r.ErrorCode != 0 {
			m.refused("fetch", r.ErrorCode)
			return
		}
		for _, p := range r.Topics[0].Partitions {
			m.read(begin, &p)
			m.w.oracle.fetchedOffset(m, p.Partition, max(p.Offset, 0), known[p.Partition])
			m.positions[p.Partition] = max(p.Offset, 0)
		}
		m.w.some.hit("committed offsets fetched")
		m.state = stable
	}, nothing)
}

func (m *member) commit(node int) {
	owned := slices.Sorted(maps.Keys(m.positions))
	partition := pick(m.rng, owned...)
	offset := m.positions[partition] + 1
	req, op := m.commitOffset(m.group, m.shard, partition, offset)
	req.MemberID, req.InstanceID, req.Generation = m.id, m.instance, m.generation
	m.askLate(node, req, dataWithin, m.stuck(), func(resp kmsg.Response) {
		code := resp.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
		m.wrote(op, code)
		if code != 0 {
			m.w.some.hit("commit refused")
			m.refused("commit", code)
			return
		}
		m.positions[partition] = offset
		m.w.oracle.told(m, partition, offset)
		m.w.some.hit("offset committed")
	}, func() { // it may still arrive: only another generation keeps it from undoing what comes after it
		m.w.some.hit("commit open")
		m.open(op)
		m.abandon()
	})
}

func (m *member) beat(node int) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.SetVersion(4)
	req.Group, req.MemberID, req.InstanceID, req.Generation = m.group, m.id, m.instance, m.generation
	m.ask(node, req, dataWithin, func(resp kmsg.Response) {
		if code := resp.(*kmsg.HeartbeatResponse).ErrorCode; code != 0 {
			m.refused("heartbeat", code)
		}
	}, nothing)
}

// abandon is what follows a commit of which it is not known whether it will still arrive. A classic member comes back as somebody
// else, or as itself in a newer generation.
func (m *member) abandon() {
	switch {
	case m.modern:
		m.leaving = true // else the coordinator would keep the place, and what it is fenced by, for long
	case !m.w.plan.mixed(m.plan.Group) && m.rng.IntN(2) == 0: // in a consumer group a change need not begin a new epoch
		m.tainted = m.generation
		m.changes++
		m.giveUp()
	default:
		m.forget()
	}
}

// assignment is what the bytes of an assignment say.
func (m *member) assignment(data []byte) (owned []int32) {
	if len(data) == 0 {
		return nil
	}
	a := kmsg.NewConsumerMemberAssignment()
	m.w.must(a.ReadFrom(data))
	for _, t := range a.Topics {
		owned = append(owned, t.Partitions...)
	}
	return owned
}

func (m *member) leave(node int) {
	if m.modern {
		m.part(node)
		return
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.SetVersion(5)
	req.Group = m.group
	l := kmsg.NewLeaveGroupRequestMember()
	l.MemberID, l.InstanceID = m.id, m.instance
	req.Members = append(req.Members, l)
	m.w.some.hit("member leaves")
	m.forget() // whether it is heard or not
	m.ask(node, req, dataWithin, func(kmsg.Response) {}, nothing)
}

// refused is what a code tells a member to do.
func (m *member) refused(what string, number int16) {
	code := kerr.TypedErrorForCode(number)
	m.w.some.hit("member told " + code.Message)
	m.w.say("note over n%d: member %d of %s is told %s for a %s", 0, m.plan.ID, m.group, code.Message, what)
	switch code {
	case kerr.RebalanceInProgress:
		if what != "commit" {
			m.giveUp()
		}
	case kerr.IllegalGeneration:
		m.generation = -1
		m.giveUp()
	case kerr.UnknownMemberID, kerr.FencedInstanceID:
		m.forget()
	case kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable:
		if what == "commit" { // it may be in the log
			m.abandon()
		}
	case kerr.NotCoordinator:
		delete(m.leaders, m.shard)
		if what == "commit" {
			m.abandon()
		}
	case kerr.StaleMemberEpoch: // a heartbeat will tell
		if !m.modern {
			m.giveUp()
		}
	case kerr.FencedMemberEpoch, kerr.GroupIDNotFound:
		m.forget()
	case kerr.UnreleasedInstanceID: // until its former self is gone
	default:
		m.w.violate("G-05", "a member of group %s is told %s for a %s", m.group, code.Message, what)
	}
}
