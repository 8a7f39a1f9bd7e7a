package history

import "math"

// Key is the interned id of a topic-partition, dense from 0 in the order of first use.
type Key uint32

// Value is the payload of a record as far as the checker cares: a number that is sent to a key at
// most once. Values are not negative.
type Value int64

// OpID numbers operations in the order of their invocation, from 0.
type OpID uint32

// Process is one uninterrupted life of a client. Order is only expected within a process.
type Process uint32

// Client is the thread that runs one process after the other.
type Client uint32

// TopicPartition names a Key.
type TopicPartition struct {
	Topic     string
	Partition int32
}

const (
	// NoOffset is an offset that the client was not told.
	NoOffset int64 = -1
	// NoReturn is the return time of an operation that never returned.
	NoReturn int64 = math.MaxInt64
)

// F is what an operation does.
type F uint8

const (
	// Send appends records; each stands alone.
	Send F = iota
	// Poll reads records.
	Poll
	// Txn sends and polls; its sends happen together or not at all.
	Txn
	// Assign takes the named keys by hand and drops all others.
	Assign
	// Subscribe joins a group that may be given any of the named keys, and drops all others.
	Subscribe
	// Crash ends a process: its client is thrown away.
	Crash
	// Fault is something done to the cluster, for the picture only.
	Fault

	numFs
)

var fNames = [numFs]string{"send", "poll", "txn", "assign", "subscribe", "crash", "fault"}

func (f F) String() string {
	if f < numFs {
		return fNames[f]
	}
	return "unknown"
}

// Outcome is what the client may conclude. To take an open outcome for a certain one is the
// usual way for a harness to report nonsense, see docs/format/history.md for which error is which.
type Outcome uint8

const (
	// Open means that it may have happened, or may yet happen.
	Open Outcome = iota
	// OK means that it happened.
	OK
	// Fail means that it did not happen and never will.
	Fail

	numOutcomes
)

var outcomeNames = [numOutcomes]string{"open", "ok", "fail"}

func (o Outcome) String() string {
	if o < numOutcomes {
		return outcomeNames[o]
	}
	return "unknown"
}

// Op is one operation. Its micro-operations are had from History.Mops.
type Op struct {
	Invoke, Return int64 // nanoseconds of one clock; Return is NoReturn while it has not returned
	Client         Client
	Process        Process
	F              F
	Outcome        Outcome // Open until it returns
	// Uncommitted says that its polls may see records of open and aborted transactions
	// (isolation.level=read_uncommitted).
	Uncommitted bool

	pending bool   // its micro-operations are still in History.open[first]
	first   uint32 // in History.mops
	count   uint32
	note    uint32 // in History.notes
}

// MopKind is what a micro-operation is.
type MopKind uint8

const (
	// MopSend sent a value; Offset is where, as acknowledged, or NoOffset.
	MopSend MopKind = iota
	// MopPoll begins the answer to one poll; the reads follow.
	MopPoll
	// MopRead saw a value at an offset.
	MopRead
	// MopAssigned names a key of an Assign or Subscribe. Offset is the position that the client
	// moved to, or NoOffset when it stays where it is.
	MopAssigned
	// MopRebalanced names a key that was taken or given while the operation ran.
	MopRebalanced
)

// Mop is a micro-operation, 16 bytes.
type Mop struct {
	Offset int64
	ref    uint32 // id of a value for sends and reads, key for MopAssigned and MopRebalanced
	Kind   MopKind
}
