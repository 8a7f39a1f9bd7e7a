package storage

import (
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

var (
	// ErrOffsetOutOfRange is returned by reads below the log start or above the log end, and by
	// truncation below the log start.
	ErrOffsetOutOfRange = errors.New("offset is out of range")
	// ErrOffline is returned for everything in a data directory after a failed fsync, write, read
	// or close of an index in it, until the process starts again (S-09). The cause is wrapped.
	ErrOffline = errors.New("data directory is offline")
	// ErrCorrupt is returned when stored bytes contradict what was stored; see CorruptError.
	ErrCorrupt = errors.New("log is damaged")
	// ErrClosed is returned by a log or directory that has been closed.
	ErrClosed = errors.New("log is closed")
	// ErrTooLarge is returned when a leader appends a batch larger than a whole segment.
	ErrTooLarge = errors.New("batch is larger than a segment")
	// ErrNotContiguous is returned when a follower is handed a batch that does not begin at its
	// log end.
	ErrNotContiguous = errors.New("batch does not continue the log")
	// ErrStaleEpoch is returned for an append whose leader epoch is below the log's latest.
	ErrStaleEpoch = errors.New("leader epoch is older than the log's")
	// ErrOutOfOrderSequence is returned for a client's batch that leaves a gap in its producer's
	// sequence, or begins a new epoch with anything but 0 (SURFACE 49).
	ErrOutOfOrderSequence = errors.New("sequence number is out of order")
	// ErrInvalidProducerEpoch is returned for a batch of an older producer epoch (SURFACE 50).
	ErrInvalidProducerEpoch = errors.New("producer epoch is older than the log's")
	// ErrInvalidTxnState is returned for a batch outside the transaction that its producer has
	// open in the log (SURFACE 54).
	ErrInvalidTxnState = errors.New("producer has an open transaction")
	// ErrCoordinatorFenced is returned for a transaction marker of an older coordinator (SURFACE 58).
	ErrCoordinatorFenced = errors.New("transaction coordinator epoch is older than the log's")
	// ErrLocked is returned by OpenDir when another process has the directory (S-16).
	ErrLocked = vfs.ErrLocked
	// ErrNotEmpty is returned by OpenDir for a directory that holds something but is not formatted.
	ErrNotEmpty = errors.New("directory has content but no meta.properties")
	// ErrWrongCluster is returned by OpenDir when the directory belongs to another cluster (C-11).
	ErrWrongCluster = errors.New("directory belongs to another cluster")
	// ErrWrongNode is returned by OpenDir when the directory belongs to another node (C-11).
	ErrWrongNode = errors.New("directory belongs to another node")
	// ErrMeta is returned by OpenDir when meta.properties cannot be understood.
	ErrMeta = errors.New("meta.properties is not usable")
	// ErrTopicID is returned by OpenLog when the partition directory on disk is another topic's of
	// the same name, or has data but no identity.
	ErrTopicID = errors.New("partition directory belongs to another topic id")
	// ErrOpen is returned by OpenLog and RemoveLog for a log that is open.
	ErrOpen = errors.New("log is already open")
)

// CorruptError is damage with its place. It matches ErrCorrupt.
type CorruptError struct {
	Path     string // of the file
	Position int64  // of the batch or entry, in bytes
	Offset   int64  // the log offset expected there, or -1
	Reason   string
}

// Error names file, position and reason.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%v: %s at position %d (offset %d): %s", ErrCorrupt, e.Path, e.Position, e.Offset, e.Reason)
}

// Is matches ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Refusal reports whether OpenDir refused a directory for what it is or because it is in use, rather than for
// what its disk did.
func Refusal(err error) bool {
	for _, refused := range []error{ErrLocked, ErrNotEmpty, ErrWrongCluster, ErrWrongNode, ErrMeta} {
		if errors.Is(err, refused) {
			return true
		}
	}
	return false
}
