package quota

import (
	"math"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/security"
)

// Kind is what is being limited.
type Kind int8

// The quotas of Kafka (SURFACE 8-11), with the unit of their amounts.
const (
	Produce            Kind = iota // bytes of requests
	Fetch                          // bytes of records
	RequestTime                    // percent of one thread, times seconds: 1 ms is 0.1
	ControllerMutation             // partitions created or deleted
	Connection                     // connections, of an IP address
	Kinds                          // how many there are
)

// String is the name under which clients set the quota.
func (k Kind) String() string {
	return [...]string{metadata.QuotaProducerByteRate, metadata.QuotaConsumerByteRate, metadata.QuotaRequestPercentage,
		metadata.QuotaControllerMutationRate, metadata.QuotaConnectionCreationRate, "unknown"}[min(k, Kinds)]
}

// MaxThrottle bounds a throttle time: what the field of the answer holds.
const MaxThrottle = math.MaxInt32 * time.Millisecond

// ThreadTime is d as an amount of RequestTime.
func ThreadTime(d time.Duration) float64 { return d.Seconds() * 100 }

// Limiter knows whose use goes to which account. Implementations are safe for concurrent use and keep no reference to
// clientID.
type Limiter interface {
	// Account returns where the use of a client is accounted for, nil if nothing limits it. It may be kept for as long
	// as the request lasts, and used after clientID has gone.
	Account(k Kind, p security.Principal, clientID []byte) *Account
}

// Unlimited throttles nobody.
type Unlimited struct{}

// Account returns nil.
func (Unlimited) Account(Kind, security.Principal, []byte) *Account { return nil }
