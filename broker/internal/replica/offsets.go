package replica

import (
	"errors"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// Special timestamps of ListOffsets (SURFACE 80).
const (
	TimestampLatest        = -1
	TimestampEarliest      = -2
	TimestampOfMax         = -3 // KIP-734
	TimestampEarliestLocal = -4 // KIP-405
	TimestampLatestTiered  = -5 // KIP-1005
	TimestampPendingUpload = -6 // KIP-1023
)

// ErrTimestamp: a negative timestamp that means nothing.
var ErrTimestamp = errors.New("unsupported special timestamp")

// Offset is the answer of a search by time. Offset and Timestamp are -1 for "none" (SURFACE 81).
type Offset struct {
	Offset    int64
	Timestamp int64
	Epoch     kafka.LeaderEpoch
}

var noOffset = Offset{Offset: -1, Timestamp: -1, Epoch: kafka.NoLeaderEpoch}

// OffsetFor answers ListOffsets for one partition: a special timestamp, or the first record at or
// after a time in milliseconds, as far as the isolation lets the client see. It may read and
// decompress batches of the log. Errors: those of Read, ErrOffsetNotAvailable, ErrTimestamp.
func (p *Partition) OffsetFor(timestamp int64, iso kafka.Isolation, current kafka.LeaderEpoch) (Offset, error) {
	r, err := p.leading(current)
	if err != nil {
		return noOffset, err
	}
	bound := p.HighWatermark()
	settled := bound >= r.epochStart
	if iso == kafka.ReadCommitted {
		bound = p.LastStableOffset()
	}
	var o Offset
	switch {
	case timestamp == TimestampEarliest || timestamp == TimestampEarliestLocal:
		return p.at(p.log().LogStartOffset()), nil
	case timestamp == TimestampLatest:
		o = Offset{Offset: bound, Timestamp: -1, Epoch: r.epoch}
	case timestamp == TimestampOfMax:
		o.Offset, o.Timestamp, o.Epoch, err = p.log().MaxTimestamp(bound)
	case timestamp == TimestampLatestTiered || timestamp == TimestampPendingUpload:
		return noOffset, nil // nothing is tiered
	case timestamp < 0:
		return noOffset, ErrTimestamp
	default:
		o.Offset, o.Timestamp, o.Epoch, err = p.log().OffsetForTimestamp(timestamp, bound)
	}
	switch {
	case err != nil:
		return noOffset, err
	case !settled && (timestamp == TimestampLatest || o.Offset < 0): // SURFACE 82
		return noOffset, ErrOffsetNotAvailable
	}
	return o, nil
}

// at is an offset with the epoch it was written in.
func (p *Partition) at(offset int64) Offset {
	return Offset{Offset: offset, Timestamp: -1, Epoch: p.epochAt(offset)}
}

// epochAt is the leader epoch that an offset belongs to, or kafka.NoLeaderEpoch. It looks at the epochs from
// the latest downwards.
func (p *Partition) epochAt(offset int64) kafka.LeaderEpoch {
	for epoch := p.log().LatestEpoch(); epoch != kafka.NoLeaderEpoch; {
		start, known := p.log().EpochStart(epoch)
		switch {
		case !known: // below all that are known
			return kafka.NoLeaderEpoch
		case start <= offset:
			return epoch
		}
		epoch, _ = p.log().EndOffsetForEpoch(epoch - 1)
	}
	return kafka.NoLeaderEpoch
}

// EpochEnd answers OffsetForLeaderEpoch: the largest epoch of the log at or below the asked one and where
// it ends; -1 and -1 if that is not known (SURFACE 83, KIP-320). current is the leader epoch that the
// client knows, or kafka.NoLeaderEpoch. Errors: those of Read.
func (p *Partition) EpochEnd(epoch, current kafka.LeaderEpoch) (kafka.LeaderEpoch, int64, error) {
	if _, err := p.leading(current); err != nil {
		return kafka.NoLeaderEpoch, -1, err
	}
	found, end := p.log().EndOffsetForEpoch(epoch)
	return found, end, nil
}
