package kafka

import (
	"encoding/base64"
	"errors"
	"fmt"
)

type (
	// BrokerID names a broker (node.id). -1 is nobody.
	BrokerID int32
	// LeaderEpoch counts the leaders of one partition; every batch carries the one it was
	// appended under (KIP-101). -1 is unknown.
	LeaderEpoch int32
	// PartitionEpoch counts all changes of one partition's replica state (KIP-497).
	PartitionEpoch int32
	// BrokerEpoch is the metadata offset at which a broker's present incarnation was
	// registered; it fences the former ones (KIP-631, KIP-903).
	BrokerEpoch int64
	// ProducerID names an idempotent or transactional producer (KIP-98). -1 is none.
	ProducerID int64
	// ProducerEpoch fences earlier incarnations of a producer. -1 is none.
	ProducerEpoch int16
)

// The "nobody" and "unknown" values as they appear on the wire.
const (
	NoBroker        BrokerID      = -1
	NoLeaderEpoch   LeaderEpoch   = -1
	NoBrokerEpoch   BrokerEpoch   = -1
	NoProducerID    ProducerID    = -1
	NoProducerEpoch ProducerEpoch = -1
)

// Isolation is what a fetch may see (KIP-98).
type Isolation int8

// Wire values of Isolation.
const (
	ReadUncommitted Isolation = 0
	ReadCommitted   Isolation = 1
)

// UUID is a 128-bit id, big-endian on the wire. Its text form is URL-safe base64 without
// padding, 22 characters, as Kafka prints it.
type UUID [16]byte

// TopicID is the identity of a topic; its name is only a label that may be used again (KIP-516).
type TopicID = UUID

// errUUID is returned for text that is not 22 characters of URL-safe base64.
var errUUID = errors.New("not a Kafka UUID")

// IsZero reports whether u is the all-zero id, which means "none" on the wire.
func (u UUID) IsZero() bool { return u == UUID{} }

// String returns Kafka's text form.
func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// Reserved reports whether Kafka keeps u for special use: the first hundred ids, zero included.
func (u UUID) Reserved() bool {
	for _, b := range u[:15] {
		if b != 0 {
			return false
		}
	}
	return u[15] < 100
}

// ParseUUID reads Kafka's text form.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != len(u) {
		return u, fmt.Errorf("%w: %q", errUUID, s)
	}
	copy(u[:], b)
	return u, nil
}

// MakeUUID turns sixteen random bytes into an id that Kafka accepts: version 4, variant 2, not
// reserved, and without a leading '-' in its text form, which its tools would take for a flag.
// The caller supplies the randomness so that the simulator can.
func MakeUUID(random [16]byte) UUID {
	u := UUID(random)
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	if u[0]>>2 == 62 { // the first character would be '-'
		u[0] ^= 0x80
	}
	return u
}
