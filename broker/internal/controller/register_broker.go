package controller

import (
	"fmt"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// RegisterBroker decides a BrokerRegistration (KIP-631). A new incarnation gets a new broker epoch,
// above every former one (C-04), only if the old one is fenced or was not heard of for a session
// time-out (C-03). The same decision takes the broker out of every leadership and ISR, except
// where it is the last member of the ISR, and registers it as fenced. So whatever happened to
// its logs, each partition gets a new leader epoch before it is served again (ARCHITECTURE,
// durability 6), also on a single node, also after a clean stop. The same incarnation asking again
// keeps its epoch and state. The answer is a *kmsg.BrokerRegistrationResponse.
func (c *Controller) RegisterBroker(req *kmsg.BrokerRegistrationRequest, nowMs int64) (d Decision) {
	resp := req.ResponseKind().(*kmsg.BrokerRegistrationResponse)
	d.Answer = resp
	if err := c.checkRegistration(req, nowMs); err != nil {
		c.lg.Warn("broker registration refused", "broker", req.BrokerID, "err", err)
		resp.ErrorCode = codeOf(err)
		return d
	}
	id := kafka.BrokerID(req.BrokerID)
	r := registrationRecord(req)
	existing := c.image().Broker(id)
	if existing != nil && existing.Incarnation == kafka.UUID(req.IncarnationID) {
		r.BrokerEpoch, r.Fenced, r.InControlledShutdown = existing.Epoch, existing.Fenced, existing.InControlledShutdown
		c.sessions.touch(id, nowMs, -1)
	} else {
		clean := existing != nil && req.PreviousBrokerEpoch == int64(existing.Epoch)
		if existing != nil && !plantedSeats {
			s := c.seats()
			s.leaving, s.unclean = id, !clean
			s.leave(&d)
		}
		r.BrokerEpoch = c.nextBrokerEpoch()
		d.proposed = func() { c.sessions.register(id, nowMs) }
		d.applied = func(lastOffset int64) { c.sessions.registered(id, lastOffset) }
		c.lg.Info("broker registers", "broker", id, "epoch", r.BrokerEpoch, "incarnation", r.IncarnationID.String(),
			"clean", clean, "partitions", len(d.Records))
	}
	d.add(registerVersion(r), r)
	resp.BrokerEpoch = int64(r.BrokerEpoch)
	return d
}

// nextBrokerEpoch is the offset of the batch about to be proposed, or above it if that would not
// be above every registered epoch.
func (c *Controller) nextBrokerEpoch() kafka.BrokerEpoch {
	if p, ok := c.proposer.(interface{ NextOffset() int64 }); ok {
		c.nextOffset = max(c.nextOffset, p.NextOffset())
	}
	epoch := kafka.BrokerEpoch(c.nextOffset)
	c.image().Brokers(func(b *metadata.Broker) bool {
		epoch = max(epoch, b.Epoch+1)
		return true
	})
	return epoch
}

func registerVersion(r *schema.RegisterBrokerRecord) int16 {
	if r.CordonedLogDirs != nil {
		return 4
	}
	return 3
}

func registrationRecord(req *kmsg.BrokerRegistrationRequest) *schema.RegisterBrokerRecord {
	r := &schema.RegisterBrokerRecord{
		BrokerID: kafka.BrokerID(req.BrokerID), IncarnationID: req.IncarnationID, Rack: req.Rack, Fenced: true,
	}
	for _, l := range req.Listeners {
		r.Endpoints = append(r.Endpoints, schema.BrokerEndpoint{Name: l.Name, Host: l.Host, Port: l.Port, SecurityProtocol: l.SecurityProtocol})
	}
	for _, f := range req.Features {
		r.Features = append(r.Features, schema.BrokerFeature{Name: f.Name, MinSupportedVersion: f.MinSupportedVersion, MaxSupportedVersion: f.MaxSupportedVersion})
	}
	for _, dir := range req.LogDirs {
		r.LogDirs = append(r.LogDirs, dir)
	}
	return r
}

func (c *Controller) checkRegistration(req *kmsg.BrokerRegistrationRequest, nowMs int64) error {
	id := kafka.BrokerID(req.BrokerID)
	existing := c.image().Broker(id)
	switch {
	case req.ClusterID != c.o.ClusterID:
		return fmt.Errorf("%w: expected %s, got %s", kerr.InconsistentClusterID, c.o.ClusterID, req.ClusterID)
	case existing != nil && existing.Incarnation != kafka.UUID(req.IncarnationID) && !existing.Fenced && c.sessions.valid(id, nowMs):
		return kerr.DuplicateBrokerRegistration
	case req.IsMigratingZkBroker:
		return fmt.Errorf("%w: ZooKeeper brokers cannot register", kerr.BrokerIDNotRegistered)
	case req.BrokerID < 0:
		return fmt.Errorf("%w: broker id %d", kerr.InvalidRegistration, req.BrokerID)
	}
	if err := c.checkDirectories(id, req.LogDirs); err != nil {
		return err
	}
	return c.checkFeatures(req.Features)
}

// checkDirectories demands directory ids that are usable and nobody else's (KIP-858).
func (c *Controller) checkDirectories(id kafka.BrokerID, dirs [][16]byte) (err error) {
	if len(dirs) == 0 {
		return fmt.Errorf("%w: no directories", kerr.InvalidRegistration)
	}
	for i, dir := range dirs {
		if kafka.UUID(dir).Reserved() || slices.Contains(dirs[:i], dir) {
			return fmt.Errorf("%w: directory id %s is reserved or named twice", kerr.InvalidRegistration, kafka.UUID(dir))
		}
		c.image().Brokers(func(b *metadata.Broker) bool {
			if b.ID != id && slices.Contains(b.LogDirs, kafka.UUID(dir)) {
				err = fmt.Errorf("%w: directory %s is broker %d's", kerr.InvalidRegistration, kafka.UUID(dir), b.ID)
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFeatures demands that the broker supports every finalized level. A broker that does not name
// a feature supports level 0 of it.
func (c *Controller) checkFeatures(features []kmsg.BrokerRegistrationRequestFeature) error {
	for _, finalized := range c.image().Features() {
		var low, high int16
		for _, f := range features {
			if f.Name == finalized.Name {
				low, high = f.MinSupportedVersion, f.MaxSupportedVersion
			}
		}
		if finalized.Level < low || finalized.Level > high {
			return fmt.Errorf("%w: finalized level %d of %s, the broker supports %d to %d",
				kerr.UnsupportedVersion, finalized.Level, finalized.Name, low, high)
		}
	}
	return nil
}
