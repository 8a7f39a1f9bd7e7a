package replica

import (
	"errors"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// TestPoint043NotEnoughReplicas: before the append for acks=all, after it if the in-sync set shrinks then; acks=1 does not ask.
// What is asked for is never more than there are replicas.
func TestPoint043NotEnoughReplicas(t *testing.T) {
	r := newRig(t, func(c *metadata.TopicConfig) { c.FlushOS, c.MinInSyncReplicas = true, 2 })
	in := func(isr ...kafka.BrokerID) {
		r.p.setRole(&metadata.Partition{Leader: 1, LeaderEpoch: 1, Replicas: []kafka.BrokerID{1, 2}, ISR: isr})
	}
	in(1)
	if _, err := r.append(AcksAll, 1); !errors.Is(err, ErrNotEnoughReplicas) || r.p.log().LogEndOffset() != 0 {
		t.Errorf("acks=all: %v, log end %d", err, r.p.log().LogEndOffset())
	}
	if _, err := r.append(1, 1); err != nil || r.p.log().LogEndOffset() != 1 {
		t.Errorf("acks=1: %v", err)
	}
	in(1, 2)
	a := r.mustAppend(1)
	in(1)
	if err := r.p.Committed(a); !errors.Is(err, ErrNotEnoughReplicasAfterAppend) || r.p.log().LogEndOffset() != 2 {
		t.Errorf("shrunk after the append: %v, log end %d", err, r.p.log().LogEndOffset())
	}
	r.p.setRole(&metadata.Partition{Leader: 1, LeaderEpoch: 1, Replicas: []kafka.BrokerID{1}, ISR: []kafka.BrokerID{1}})
	if _, err := r.append(AcksAll, 1); err != nil {
		t.Errorf("one replica, of which two are asked for: %v", err)
	}
}
