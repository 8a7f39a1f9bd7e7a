package controller

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStoppedBrokerStaysFenced: an incarnation that went through its controlled shutdown does not lead again, whatever
// heartbeats still arrive from it (C-07); the next incarnation does.
func TestStoppedBrokerStaysFenced(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.lead()
	c.start(1, 1)
	c.create(newTopic("a", 1, 1))
	stop := func(b *kmsg.BrokerHeartbeatRequest) { b.WantShutdown = true }
	for range 4 {
		c.beat(1, stop)
		if err := c.loader.Current().Check(); err != nil {
			t.Fatal(err)
		}
	}
	c.beat(1, func(b *kmsg.BrokerHeartbeatRequest) { b.WantFence = true })
	for range 3 {
		if r := c.beat(1, nil); !r.IsFenced {
			t.Fatalf("%+v", r)
		}
		if err := c.loader.Current().Check(); err != nil {
			t.Fatal(err)
		}
	}
	if p := c.partition("a", 0); p.Leader == 1 {
		t.Fatalf("%+v", p)
	}
	c.now += 60_000
	c.start(1, 2)
	if p := c.partition("a", 0); p.Leader != 1 {
		t.Fatalf("%+v", p)
	}
}
