package group

import (
	"fmt"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// largeMembers is a group as large as groups get: so many members on as many partitions.
const largeMembers = 1000

// TestLargeGroup: the records of the largest decision about a group of 1,000 members on 1,000 partitions, of either protocol, fit well
// into a batch of max.message.bytes as the offsets topic has it by default, 1 MiB.
func TestLargeGroup(t *testing.T) {
	largest := func(w *world) (most int) {
		for _, b := range w.shard.Log.Batches() {
			most = max(most, len(b))
		}
		return most
	}
	t.Run("consumer", func(t *testing.T) {
		w := newWorld(t, nil)
		w.topic(t, "t", largeMembers)
		r := &randomGroup{w: w, members: map[string]*randomMember{}}
		var members []*randomMember
		for i := range largeMembers {
			m := &randomMember{id: fmt.Sprintf("member-with-a-22-b-id-%04d", i), topics: []string{"t"}}
			r.rejoin(m, false)
			members = append(members, m)
		}
		for round := 0; w.machine.consumer["g"].state() != consumerStable; round++ {
			if round == 10 {
				t.Fatal("not stable")
			}
			w.shard.Advance(1000)
			for _, m := range members {
				benchBeat(r, m)
			}
		}
		if most := largest(w); most > 75_000 {
			t.Errorf("the largest batch has %d bytes", most)
		}
	})
	t.Run("classic", func(t *testing.T) {
		w := newWorld(t, nil)
		joined := make([]*kmsg.JoinGroupResponse, 0, largeMembers)
		for i := range largeMembers {
			req := kmsg.NewPtrJoinGroupRequest()
			req.Version, req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = 3, "g", 10_000, 60_000, "consumer"
			req.Protocols = protocols([]string{"range/a-topic-with-a-name", "cooperative-sticky/a-topic-with-a-name"})
			w.do(func(t *coordinator.Turn) {
				w.machine.JoinGroup(t, Caller{ClientID: fmt.Sprint("client-", i), ClientHost: "/192.168.100.100", Version: 3}, req, func(r *kmsg.JoinGroupResponse) { joined = append(joined, r) })
			})
		}
		w.shard.Advance(8000)
		synced := 0
		for _, j := range joined {
			req := kmsg.NewPtrSyncGroupRequest()
			req.Version, req.Group, req.MemberID, req.Generation = 3, "g", j.MemberID, j.Generation
			for _, m := range j.Members {
				req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID, MemberAssignment: make([]byte, 60)})
			}
			w.do(func(t *coordinator.Turn) {
				w.machine.SyncGroup(t, Caller{Version: 3}, req, func(r *kmsg.SyncGroupResponse) { synced++ })
			})
		}
		if synced != largeMembers || w.machine.classic["g"].state != stable {
			t.Fatalf("%d synced, the group is %s", synced, w.machine.classic["g"].state)
		}
		if most := largest(w); most > 210_000 {
			t.Errorf("the largest batch has %d bytes", most)
		}
	})
}

// TestTargetTooLarge: a target that does not fit into a batch (max.message.bytes of the offsets topic, as in Kafka) leaves the group as it
// was: its members heartbeat, keep what they have, and others join and leave; when the bound was raised, the target comes.
func TestTargetTooLarge(t *testing.T) {
	w := newWorld(t, nil)
	w.topic(t, "t", 200)
	beat := func(id string, epoch int32) *kmsg.ConsumerGroupHeartbeatResponse {
		t.Helper()
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Group, req.MemberID, req.MemberEpoch = "g", id, epoch
		if epoch == 0 {
			req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.Topics = 300_000, []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		}
		var r *kmsg.ConsumerGroupHeartbeatResponse
		w.shard.Do(func(t *coordinator.Turn) {
			w.machine.ConsumerGroupHeartbeat(t, Caller{Version: 1}, req, func(resp *kmsg.ConsumerGroupHeartbeatResponse) { r = resp })
		})
		if r.ErrorCode != 0 {
			t.Fatalf("%s in epoch %d: error %d", id, epoch, r.ErrorCode)
		}
		return r
	}
	beat("m0", 0) // has all
	for i := 1; i < 50; i++ {
		beat(fmt.Sprint("m", i), 0)
	}
	w.shard.Log.MaxBytes = 3000
	for range 4 { // seconds
		w.shard.Advance(1000)
		if r := beat("m0", 1); r.MemberEpoch != 1 || r.Assignment != nil {
			t.Fatalf("epoch %d, %v", r.MemberEpoch, r.Assignment)
		}
		beat("m1", 1)
	}
	beat("late", 0)
	beat("m49", -1)
	if g := w.machine.consumer["g"]; g.targetEpoch != 1 || len(g.members) != 50 {
		t.Errorf("target of epoch %d, %d members", g.targetEpoch, len(g.members))
	}
	w.shard.Log.MaxBytes = 0
	w.shard.Advance(tooLargeRetryMs)
	if g := w.machine.consumer["g"]; g.targetEpoch != g.epoch || len(g.target) != 50 {
		t.Errorf("with a larger bound: target %d of epoch %d, for %d members", g.targetEpoch, g.epoch, len(g.target))
	}
	beat("m0", 1)
}
