package replica

import (
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// ReadOptions is what a consumer asks of one partition.
type ReadOptions struct {
	Offset       int64
	MaxBytes     int32
	MinOne       bool // return the first batch even if it is larger than MaxBytes (KIP-74)
	Isolation    kafka.Isolation
	CurrentEpoch kafka.LeaderEpoch // the leader epoch the client knows, or kafka.NoLeaderEpoch
	// LastFetchedEpoch is the epoch of the record before Offset, or kafka.NoLeaderEpoch: asks for
	// a check that the client's log and ours have not parted (KIP-595).
	LastFetchedEpoch kafka.LeaderEpoch
}

// Read is what a partition answers. The caller closes Slice when it has been sent.
type Read struct {
	Slice            storage.Slice
	HighWatermark    int64
	LastStableOffset int64
	LogStartOffset   int64
	// DivergingEpoch and DivergingEnd tell where the logs have parted, if Diverging.
	Diverging      bool
	DivergingEpoch kafka.LeaderEpoch
	DivergingEnd   int64
}

// Bound is the first offset that a reader of that isolation may not see (exclusive).
func (r *Read) Bound(iso kafka.Isolation) int64 {
	if iso == kafka.ReadCommitted {
		return r.LastStableOffset
	}
	return r.HighWatermark
}

// Read resolves a consumer's fetch to a range of the log: whole batches, still compressed, nothing at or
// above the high watermark, or the last stable offset for read_committed (R-17, SURFACE 66-71).
// An offset between the high watermark and the log end gives an empty Slice. It does not block and allocates nothing.
// Errors: ErrNotLeader, ErrFencedEpoch, ErrUnknownEpoch, ErrOffline, storage.ErrOffsetOutOfRange, storage.ErrCorrupt.
func (p *Partition) Read(o *ReadOptions) (Read, error) {
	if _, err := p.leading(o.CurrentEpoch); err != nil {
		return Read{}, err
	}
	res := Read{
		HighWatermark: p.HighWatermark(), LastStableOffset: p.LastStableOffset(),
		LogStartOffset: p.log().LogStartOffset(),
	}
	if o.LastFetchedEpoch != kafka.NoLeaderEpoch {
		epoch, end := p.log().EndOffsetForEpoch(o.LastFetchedEpoch)
		if end < o.Offset || epoch < o.LastFetchedEpoch {
			res.Diverging, res.DivergingEpoch, res.DivergingEnd = true, epoch, end
			return res, nil
		}
	}
	bound := res.Bound(o.Isolation)
	if plantedReadUncommitted {
		bound = p.log().LogEndOffset()
	}
	var err error
	res.Slice, err = p.log().Read(o.Offset, o.MaxBytes, bound, o.MinOne)
	return res, err
}
