package controller

import (
	"errors"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// codeOf is the wire code of a refusal.
func codeOf(err error) int16 {
	var k *kerr.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &k):
		return k.Code
	}
	return kerr.UnknownServerError.Code
}

// checkEpoch refuses a broker that is not the registered incarnation (C-04).
func (c *Controller) checkEpoch(id, epoch int64) *kerr.Error {
	if b := c.image().Broker(kafka.BrokerID(id)); b == nil || int64(b.Epoch) != epoch {
		return kerr.StaleBrokerEpoch
	}
	return nil
}

// BrokerHeartbeat decides a BrokerHeartbeat (KIP-631): it keeps the session, unfences a broker that
// wants it and has seen its own registration, which elects leaders for partitions that wait for
// it; fences one that wants that; and walks one that wants to stop through its controlled shutdown.
// Log directories that are reported offline lose their replicas' seats (KIP-858). The answer is a
// *kmsg.BrokerHeartbeatResponse.
func (c *Controller) BrokerHeartbeat(req *kmsg.BrokerHeartbeatRequest, nowMs int64) (d Decision) {
	resp := req.ResponseKind().(*kmsg.BrokerHeartbeatResponse)
	d.Answer = resp
	if refused := c.checkEpoch(int64(req.BrokerID), req.BrokerEpoch); refused != nil {
		resp.ErrorCode = refused.Code
		return d
	}
	b := c.image().Broker(kafka.BrokerID(req.BrokerID))
	session := c.sessions.touch(b.ID, nowMs, req.CurrentMetadataOffset)
	resp.IsCaughtUp = c.sessions.caughtUp(b.ID, req.CurrentMetadataOffset)
	next := c.nextState(b, session, req)
	if next != stateOf(b) {
		c.enter(&d, b, next, session)
	}
	resp.IsFenced = next == fenced || next == stopNow
	resp.ShouldShutdown = next == stopNow
	c.offlineDirectories(&d, b, req.OfflineLogDirs)
	return d
}

// brokerState is where a broker is in its life.
type brokerState uint8

const (
	fenced brokerState = iota
	unfenced
	stopping // controlled shutdown: its leaderships move away
	stopNow  // may stop; it is fenced
)

func stateOf(b *metadata.Broker) brokerState {
	switch {
	case b.Fenced:
		return fenced
	case b.InControlledShutdown:
		return stopping
	}
	return unfenced
}

// nextState is the table of Kafka's BrokerHeartbeatManager.
func (c *Controller) nextState(b *metadata.Broker, session *session, req *kmsg.BrokerHeartbeatRequest) brokerState {
	s := c.seats()
	switch current := stateOf(b); {
	case current == fenced && req.WantShutdown:
		return stopNow
	case current == fenced && b.InControlledShutdown:
		return fenced // this incarnation has left; the next one registers anew
	case current == fenced && !req.WantFence && c.sessions.caughtUp(b.ID, req.CurrentMetadataOffset):
		return unfenced
	case current == fenced:
		return fenced
	case current == unfenced && req.WantFence && !req.WantShutdown:
		return fenced
	case current == unfenced && !req.WantShutdown:
		return unfenced
	case current == unfenced && (req.WantFence || !s.leads(b.ID)):
		return stopNow
	case current == unfenced:
		return stopping
	case s.leads(b.ID) || session.shutdownAt > c.sessions.lowestActive(c.image(), b.ID):
		return stopping // the others must have seen the new leaders
	}
	return stopNow
}

// enter decides the records of a change of state.
func (c *Controller) enter(d *Decision, b *metadata.Broker, next brokerState, session *session) {
	switch next {
	case unfenced:
		c.unfence(d, b)
	case stopping:
		c.beginShutdown(d, b, session)
	default:
		if !b.Fenced {
			c.fence(d, b)
		}
	}
	if len(d.Records) > 0 {
		c.lg.Info("broker changes state", "broker", b.ID, "epoch", b.Epoch, "fenced", next == fenced || next == stopNow,
			"stopping", next == stopping || next == stopNow, "partitions", len(d.Records)-1)
	}
}

// fence takes the broker's seats and fences it, in that order, so that no state in between has a
// fenced leader.
func (c *Controller) fence(d *Decision, b *metadata.Broker) {
	s := c.seats()
	s.leaving = b.ID
	s.leave(d)
	d.add(0, &schema.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: schema.Fence})
}

// unfence makes the broker active and elects it where nobody leads and it may.
func (c *Controller) unfence(d *Decision, b *metadata.Broker) {
	d.add(0, &schema.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, Fenced: schema.Unfence})
	s := c.seats()
	s.joining = b.ID
	s.join(d)
}

func (c *Controller) beginShutdown(d *Decision, b *metadata.Broker, session *session) {
	d.add(1, &schema.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, InControlledShutdown: schema.InControlledShutdown})
	s := c.seats()
	s.leaving = b.ID
	s.leave(d)
	d.proposed = func() { session.shutdownAt = uncommitted }
	d.applied = func(lastOffset int64) { session.shutdownAt = lastOffset }
}

// offlineDirectories takes directories off a broker's list and the seats of the replicas in them
// (C-12). A broker without any directory left is expected to stop by itself.
func (c *Controller) offlineDirectories(d *Decision, b *metadata.Broker, reported [][16]byte) {
	lost := func(dir kafka.UUID) bool { return slices.Contains(reported, [16]byte(dir)) }
	online := slices.DeleteFunc(slices.Clone(b.LogDirs), lost)
	if len(online) == len(b.LogDirs) || len(d.Records) > 0 { // else with the next heartbeat
		return
	}
	s := c.seats()
	s.leaving = b.ID
	s.each(func(p partitionAt) {
		if (p.InSync(b.ID) || p.Leader == b.ID) && lost(p.Directory(b.ID)) {
			s.change(d, p, without(p.ISR, b.ID))
		}
	})
	if len(online) > 0 {
		d.add(2, &schema.BrokerRegistrationChangeRecord{BrokerID: b.ID, BrokerEpoch: b.Epoch, LogDirs: online})
	}
}

// Tick fences brokers whose session has run out. Call it a few times per session time-out.
func (c *Controller) Tick(nowMs int64) {
	if !c.state.Self {
		return
	}
	for _, id := range c.sessions.expired(c.image(), nowMs) {
		c.lg.Warn("broker is not heard of and is fenced", "broker", id)
		c.Do(nowMs, func() (d Decision) {
			c.fence(&d, c.image().Broker(id))
			return d
		}, nil)
	}
}
