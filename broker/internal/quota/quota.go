// Package quota limits what a client may use: bytes produced and fetched, time of requests,
// controller mutations.
//
// Place in the road of the bytes: every handler of api reports what a request used and is told
// how long the client is to be throttled; network then mutes the connection for that time
// (SURFACE 8). It knows nothing of sockets.
//
// Concurrency: called by every connection at once; must not block. It reads no clock: the time
// comes as an argument.
package quota

import (
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/security"
)

// Kind is what is being limited.
type Kind int8

// The quotas of Kafka (SURFACE 8-11).
const (
	Produce Kind = iota
	Fetch
	RequestTime
	ControllerMutation
)

// Limiter accounts for use and answers with the throttle time, 0 for none. Implementations are
// safe for concurrent use and keep no reference to clientID.
type Limiter interface {
	Record(k Kind, p security.Principal, clientID []byte, amount float64, now time.Time) time.Duration
}

// Unlimited throttles nobody: the limiter of a broker on which no quota is set.
type Unlimited struct{}

// Record returns 0.
func (Unlimited) Record(Kind, security.Principal, []byte, float64, time.Time) time.Duration {
	return 0
}
