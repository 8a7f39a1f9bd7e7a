package history

// Kind is a way in which a history can be wrong. Names are those of the Jepsen kafka workload
// where it has one.
type Kind uint8

const (
	// LostWrite: an acknowledged value that no ok poll saw, although one saw a later offset.
	LostWrite Kind = iota
	// Unseen: an acknowledged value beyond all that was ever polled of its key.
	Unseen
	// Duplicate: one value read at two offsets.
	Duplicate
	// InconsistentOffset: one offset with two values, or a value that was acknowledged at an
	// offset and is read at others only.
	InconsistentOffset
	// AbortedRead: a read of a value whose send certainly failed (R-21, G1a).
	AbortedRead
	// PrecommittedRead: a transaction polled its own send.
	PrecommittedRead
	// PhantomRead: a read of a value that nobody sent to that key.
	PhantomRead
	// IntPollSkip: one operation read over a value that another saw.
	IntPollSkip
	// IntNonmonotonicPoll: the reads of one operation go back, or repeat.
	IntNonmonotonicPoll
	// PollSkip: an operation began after a value that its process had not read and another did.
	PollSkip
	// NonmonotonicPoll: an operation began at or before what its process had read already.
	NonmonotonicPoll
	// IntSendSkip: foreign values lie between two sends of one operation; always allowed.
	IntSendSkip
	// IntNonmonotonicSend: two sends of one operation lie in the log the wrong way round.
	IntNonmonotonicSend
	// NonmonotonicSend: a process's send lies before an earlier one of the same process.
	NonmonotonicSend
	// WriteCycle: transactions precede each other by write-write order alone (G0); always allowed.
	WriteCycle
	// MixedCycle: a cycle of write-write and write-read edges; always allowed.
	MixedCycle
	// CircularFlow: transactions read each other's sends in a circle (G1c without write-write edges).
	CircularFlow

	// NumKinds is the number of kinds.
	NumKinds
)

var kindNames = [NumKinds]string{
	"lost-write", "unseen", "duplicate", "inconsistent-offsets", "aborted-read", "precommitted-read",
	"phantom-read", "int-poll-skip", "int-nonmonotonic-poll", "poll-skip", "nonmonotonic-poll",
	"int-send-skip", "int-nonmonotonic-send", "nonmonotonic-send", "write-cycle", "mixed-cycle",
	"circular-flow",
}

func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return "unknown"
}

// MarshalText makes a kind its name in JSON.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
