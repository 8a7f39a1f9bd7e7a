package metadata

import (
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Broker is a registered broker. Read-only.
type Broker struct {
	ID                   kafka.BrokerID
	Epoch                kafka.BrokerEpoch
	Incarnation          kafka.UUID // made anew by each start of the broker's process
	Endpoints            []Endpoint
	Features             []FeatureRange
	Rack                 string // empty is none
	Fenced               bool   // registered, but not (yet, or any more) to be used
	InControlledShutdown bool
	LogDirs              []kafka.UUID // directories that are online
	CordonedLogDirs      []kafka.UUID // directories that take no new replicas (KIP-1066)
}

// Endpoint is where one listener of a broker is reached by clients and brokers.
type Endpoint struct {
	Listener         string
	Host             string
	Port             int32
	SecurityProtocol int16 // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
}

// FeatureRange is what a broker supports of a feature.
type FeatureRange struct {
	Name     string
	Min, Max int16
}

// Active reports whether the broker may lead partitions and be in an ISR.
func (b *Broker) Active() bool { return b != nil && !b.Fenced && !b.InControlledShutdown }

// Endpoint returns the endpoint of a listener, which is named like the one that the request came
// in on (SURFACE 14).
func (b *Broker) Endpoint(listener string) (Endpoint, bool) {
	if b != nil {
		for i := range b.Endpoints {
			if b.Endpoints[i].Listener == listener {
				return b.Endpoints[i], true
			}
		}
	}
	return Endpoint{}, false
}

func (b *Broker) equal(c *Broker) bool {
	return b == c || b != nil && c != nil &&
		b.ID == c.ID && b.Epoch == c.Epoch && b.Incarnation == c.Incarnation && b.Rack == c.Rack &&
		b.Fenced == c.Fenced && b.InControlledShutdown == c.InControlledShutdown &&
		slices.Equal(b.Endpoints, c.Endpoints) && slices.Equal(b.Features, c.Features) &&
		slices.Equal(b.LogDirs, c.LogDirs) && slices.Equal(b.CordonedLogDirs, c.CordonedLogDirs)
}
