package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestUncleanElection: only a partition without leader, and then whoever is active; it counts.
func TestUncleanElection(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	c.start(2, 1)
	topic := newTopic("a", -1, -1)
	topic.ReplicaAssignment = parseAssignment("0:1,2")
	c.create(topic)
	fence := func(id int32) {
		c.beat(id, func(b *kmsg.BrokerHeartbeatRequest) { b.WantFence = true })
	}
	elect := func() int16 {
		req := kmsg.NewPtrElectLeadersRequest()
		req.Version, req.ElectionType = 2, electUnclean
		req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "a", Partitions: []int32{0}}}
		return must[*kmsg.ElectLeadersResponse](c, func() Decision { return c.controller.ElectLeaders(req, Caller{}) }).Topics[0].Partitions[0].ErrorCode
	}
	want := func(state string) {
		t.Helper()
		p := c.partition("a", 0)
		if got := fmt.Sprintf("leader %d isr %v recovery %d", p.Leader, p.ISR, p.Recovery); got != state {
			t.Fatalf("%s, want %s", got, state)
		}
	}
	fence(2)
	want("leader 1 isr [1] recovery 0")
	fence(1)
	want("leader -1 isr [1] recovery 0")
	if code := elect(); code != kerr.EligibleLeadersNotAvailable.Code {
		t.Fatalf("nobody is there, but error %d", code)
	}
	want("leader -1 isr [1] recovery 0")
	c.beat(2, nil)
	want("leader -1 isr [1] recovery 0") // 2 may not have everything
	if code := elect(); code != 0 {
		t.Fatalf("error %d", code)
	}
	want("leader 2 isr [2] recovery 1")
	if n := c.controller.UncleanElections(); n != 1 {
		t.Errorf("%d unclean elections", n)
	}
}
