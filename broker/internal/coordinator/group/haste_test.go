package group

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestHaste: a member of a group that is under way to a new assignment is told to come back soon, one of a group that is calm as
// late as the group says, one that waits for somebody else not for ever, and many together not too often.
func TestHaste(t *testing.T) {
	w := newWorld(t, nil)
	w.topic(t, "t", 2)
	beat := func(id string, epoch int32, owned ...int32) *kmsg.ConsumerGroupHeartbeatResponse {
		t.Helper()
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Group, req.MemberID, req.MemberEpoch, req.RebalanceTimeoutMillis = "g", id, epoch, 300_000
		req.SubscribedTopicNames, req.Topics = []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		if len(owned) > 0 {
			req.Topics = append(req.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: topicIDOf("t"), Partitions: owned})
		}
		var r *kmsg.ConsumerGroupHeartbeatResponse
		w.shard.Do(func(t *coordinator.Turn) {
			w.machine.ConsumerGroupHeartbeat(t, Caller{Version: 1}, req, func(resp *kmsg.ConsumerGroupHeartbeatResponse) { r = resp })
		})
		return r
	}
	expect := func(r *kmsg.ConsumerGroupHeartbeatResponse, ms int32) {
		t.Helper()
		if r.ErrorCode != 0 || r.HeartbeatIntervalMillis != ms {
			t.Errorf("error %d, interval %d, want %d", r.ErrorCode, r.HeartbeatIntervalMillis, ms)
		}
	}
	expect(beat("A", 0), 500) // who comes next wants something of it
	w.shard.Advance(2999)
	expect(beat("A", 1, 0, 1), 500)
	w.shard.Advance(1)
	expect(beat("A", 1, 0, 1), 5000)
	expect(beat("B", 0), 500)
	w.shard.Advance(3000)
	expect(beat("A", 1, 0, 1), 500) // has to give one back
	expect(beat("B", 2), 500)       // waits for it
	w.shard.Advance(27_000)
	expect(beat("B", 2), 5000) // not for ever
	beat("A", 1, 0)
	beat("B", 2)
	expect(beat("A", 2, 0), 5000)
	for i := range 198 {
		beat(string(rune('a'+i)), 0)
	}
	w.shard.Advance(1000)
	expect(beat("z", 0), 1000) // 200 members: 200 heartbeats per second
}
