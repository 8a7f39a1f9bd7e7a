package metadata

import (
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

func (b *Builder) putBroker(n *Broker) {
	b.next.brokers.ReplaceOrInsert(brokerEntry{id: n.ID, broker: n})
	b.dirty.brokers[n.ID] = struct{}{}
}

func (b *Builder) registerBroker(r *schema.RegisterBrokerRecord) {
	n := &Broker{
		ID: r.BrokerID, Epoch: r.BrokerEpoch, Incarnation: r.IncarnationID,
		Fenced: r.Fenced, InControlledShutdown: r.InControlledShutdown,
		LogDirs: r.LogDirs, CordonedLogDirs: r.CordonedLogDirs,
	}
	if r.Rack != nil {
		n.Rack = *r.Rack
	}
	for _, e := range r.Endpoints {
		n.Endpoints = append(n.Endpoints, Endpoint{Listener: e.Name, Host: e.Host, Port: int32(e.Port), SecurityProtocol: e.SecurityProtocol})
	}
	for _, f := range r.Features {
		n.Features = append(n.Features, FeatureRange{Name: f.Name, Min: f.MinSupportedVersion, Max: f.MaxSupportedVersion})
	}
	b.putBroker(n)
}

// registered finds the broker that a record means; an epoch that is not the registered one belongs
// to an incarnation that is gone.
func (b *Builder) registered(id kafka.BrokerID, epoch kafka.BrokerEpoch) (*Broker, error) {
	n := b.next.Broker(id)
	if n == nil || n.Epoch != epoch {
		return nil, fmt.Errorf("%w: broker %d is not registered with epoch %d", ErrReplay, id, epoch)
	}
	return n, nil
}

func (b *Builder) unregisterBroker(r *schema.UnregisterBrokerRecord) error {
	if _, err := b.registered(r.BrokerID, r.BrokerEpoch); err != nil {
		return err
	}
	b.next.brokers.Delete(brokerEntry{id: r.BrokerID})
	b.dirty.brokers[r.BrokerID] = struct{}{}
	return nil
}

// changeBroker replaces the broker by a changed copy.
func (b *Builder) changeBroker(id kafka.BrokerID, epoch kafka.BrokerEpoch, change func(*Broker)) error {
	old, err := b.registered(id, epoch)
	if err != nil {
		return err
	}
	n := *old
	change(&n)
	b.putBroker(&n)
	return nil
}

func (b *Builder) changeRegistration(r *schema.BrokerRegistrationChangeRecord) error {
	if r.Fenced < schema.Unfence || r.Fenced > schema.Fence || r.InControlledShutdown < 0 || r.InControlledShutdown > schema.InControlledShutdown {
		return fmt.Errorf("%w: registration change of broker %d: fenced %d, in controlled shutdown %d",
			ErrReplay, r.BrokerID, r.Fenced, r.InControlledShutdown)
	}
	return b.changeBroker(r.BrokerID, r.BrokerEpoch, func(n *Broker) {
		if r.Fenced != 0 {
			n.Fenced = r.Fenced == schema.Fence
		}
		if r.InControlledShutdown != 0 {
			n.InControlledShutdown = true
		}
		if len(r.LogDirs) > 0 {
			n.LogDirs = r.LogDirs
		}
		if r.CordonedLogDirs != nil {
			n.CordonedLogDirs = r.CordonedLogDirs
		}
	})
}
