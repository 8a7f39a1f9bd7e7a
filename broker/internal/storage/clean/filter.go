package clean

import (
	"math"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// found is what the second pass finds in a batch: which records stay.
type found struct {
	runs         [][]byte // of the plain records that stay, in pieces
	kept         int32
	maxTimestamp int64 // of those that stay
	tombstones   bool  // among those that stay
}

// Filter appends to dst what stays of a batch, and reports whether it is anything. The batches of the second
// pass begin with the log's first and end with the one that holds the last offset below Covered; those after it may
// be passed in too, and stay, but for what was aborted. Errors: ErrDamaged; dst is then returned as it was.
func (c *Cleaner) Filter(dst []byte, b batch.Batch) (out []byte, kept bool, err error) {
	plain, err := c.open(b)
	if err != nil {
		return dst, false, err
	}
	c.stats.BytesRead += int64(len(b))
	c.stats.RecordsRead += int64(b.NumRecords())
	dead, idle, err := c.decide(b, plain)
	if err != nil {
		return dst, false, damaged(b, err)
	}
	c.found = found{runs: c.found.runs[:0], maxTimestamp: -1}
	switch {
	case dead:
	case b.Control():
		c.found.keepAll(b, plain)
	default:
		if err := c.search(b, plain); err != nil {
			return dst, false, damaged(b, err)
		}
	}
	out, kept, err = c.emit(dst, b, idle)
	c.stats.BytesKept += int64(len(out) - len(dst))
	return out, kept, damaged(b, err)
}

// decide tells what holds for all records of a batch: none of them stays (dead). idle: it is a marker of which
// nothing is needed any more, once its horizon has passed.
func (c *Cleaner) decide(b batch.Batch, plain []byte) (dead, idle bool, err error) {
	if !b.Control() {
		return c.txns.data(b) && !plantedAborted, false, nil
	}
	if idle, err = c.txns.control(b, plain); err != nil {
		return false, false, err
	}
	horizon, ok := b.Horizon()
	return idle && (ok && horizon <= c.round.NowMs || plantedMarker), idle, nil
}

// search finds the records that stay.
func (c *Cleaner) search(b batch.Batch, plain []byte) error {
	f := &c.found
	horizon, has := b.Horizon()
	expired := has && horizon <= c.round.NowMs
	rest := plain // from the first record of the current run on
	length := 0   // of the run
	it := batch.IterateRecords(plain, b.NumRecords())
	for {
		items := c.next(b, &it, 0)
		if len(items) == 0 {
			break
		}
		for i := range items {
			x := &items[i]
			if c.stays(x, expired) {
				length += int(x.length)
				f.kept++
				f.maxTimestamp = max(f.maxTimestamp, x.timestamp)
				f.tombstones = f.tombstones || x.tombstone
				continue
			}
			if length > 0 {
				f.runs = append(f.runs, rest[:length])
			}
			rest, length = rest[length+int(x.length):], 0
		}
	}
	if length > 0 {
		f.runs = append(f.runs, rest[:length])
	}
	return it.Err()
}

// stays decides about one record. expired: the batch's delete horizon has passed.
func (c *Cleaner) stays(x *item, expired bool) bool {
	if x.offset >= c.covered {
		return true
	}
	if !x.keyed {
		c.stats.Keyless++
		return false
	}
	if newest := c.keys.get(x.hash); x.offset < newest {
		return false
	}
	return !x.tombstone || !expired && !plantedTombstone
}

// keepAll keeps a control batch as it is.
func (f *found) keepAll(b batch.Batch, plain []byte) {
	f.kept, f.maxTimestamp = b.NumRecords(), b.MaxTimestamp()
	f.runs = append(f.runs, plain)
}

// emit appends what was found. A batch that still has tombstones, or is a marker that is not needed any
// more, gets a delete horizon when that is seen first.
func (c *Cleaner) emit(dst []byte, b batch.Batch, idle bool) ([]byte, bool, error) {
	f := &c.found
	c.stats.RecordsKept += int64(f.kept)
	if f.kept == 0 {
		if !c.neededEmpty(b) {
			return dst, false, nil
		}
		c.stats.BatchesEmptied++
		return c.remains.AppendEmpty(dst, b), true, nil
	}
	horizon := int64(-1)
	if (f.tombstones || idle) && (!b.HasDeleteHorizon() || plantedRenewed) {
		horizon = c.horizon()
	}
	if f.kept == b.NumRecords() && horizon < 0 {
		c.stats.BatchesCopied++
		return append(dst, b...), true, nil
	}
	c.stats.BatchesRewritten++
	out, err := c.remains.Append(dst, b, f.runs, f.kept, f.maxTimestamp, horizon)
	return out, err == nil, err
}

// horizon is the delete horizon of what is found now.
func (c *Cleaner) horizon() int64 {
	if c.round.DeleteRetentionMs > math.MaxInt64-c.round.NowMs {
		return math.MaxInt64
	}
	return c.round.NowMs + c.round.DeleteRetentionMs
}

// neededEmpty reports whether a batch without records stays: it holds the last sequence number of a
// producer, or its last epoch, or ends where the round ends (SURFACE 91).
func (c *Cleaner) neededEmpty(b batch.Batch) bool {
	if b.NextOffset() == c.round.End {
		return true
	}
	if b.ProducerID() < 0 || c.round.Last == nil || plantedSequence {
		return false
	}
	last, ok := c.round.Last(b.ProducerID())
	if !ok {
		return false
	}
	if last.Offset >= 0 {
		return b.LastOffset() == last.Offset
	}
	return b.Control() && b.ProducerEpoch() == last.Epoch
}
