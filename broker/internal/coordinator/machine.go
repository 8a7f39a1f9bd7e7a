package coordinator

import (
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Record is one key and value of a shard's partition; a nil Value is a tombstone.
type Record struct{ Key, Value []byte }

// Marker says how a transaction ended that had records in the partition.
type Marker uint8

// Markers.
const (
	NoMarker Marker = iota
	CommitMarker
	AbortMarker
)

// Replayed is one record as it lies in the log. Key and Value are valid during the call only.
type Replayed struct {
	Offset        int64
	TimestampMs   int64
	ProducerID    kafka.ProducerID // kafka.NoProducerID if there is none
	ProducerEpoch kafka.ProducerEpoch
	Transactional bool
	// Marker is set, and Key and Value are nil, for the end of ProducerID's transaction.
	Marker     Marker
	Key, Value []byte
}

// Machine is what one shard remembers: a fold over one partition. It is a core: all its methods, and all decisions about it,
// run one at a time on the loop of its shard.
type Machine interface {
	// Replay takes in one record. It is the only place where durable state changes. What a newer version may have
	// written and this one does not know is to be passed over; an error means that the shard cannot be trusted, and discards it.
	Replay(r Replayed) error
	// Loaded is the first decision, when everything is replayed that was there: it sets timers. It may append.
	Loaded(t *Turn)
	// Closed is the last call: the shard is discarded, and everybody whom the machine still lets wait is to be answered
	// with code.
	Closed(code *kerr.Error)
}

// Follower is a Machine that wants to hear of changes of the cluster's metadata: a decision in every loaded shard for each
// publish that names topics or configs. What was published before Loaded is not told; t.Image() shows where it led.
type Follower interface {
	Published(t *Turn, delta *metadata.Delta)
}
