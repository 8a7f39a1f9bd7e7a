package metrics

import (
	"math/bits"
	"sync/atomic"
)

const (
	// steps is how many buckets there are between one power of two and the next: a quantile is off by an eighth at most.
	steps = 4
	// octaves is how many powers of two are told apart; in microseconds the last bucket begins at 36 minutes.
	octaves = 30
	buckets = steps + octaves*steps + 1
)

// Histogram counts whole numbers, such as microseconds or bytes, in buckets that grow with the value. The zero value is
// ready. It takes 1 KiB. Safe for concurrent use; Record neither blocks nor allocates.
type Histogram struct {
	counts [buckets]atomic.Uint64
	sum    atomic.Int64
}

// Record counts a value; one below 0 counts as 0.
func (h *Histogram) Record(v int64) {
	v = max(v, 0)
	h.counts[bucketOf(v)].Add(1)
	h.sum.Add(v)
}

// bucketOf is the bucket of v: the first whose upper bound, inclusive, is not below it.
func bucketOf(v int64) int {
	n := uint64(max(v, 1) - 1)
	if n < steps {
		return int(n)
	}
	octave := bits.Len64(n) - 3
	return min(steps+octave*steps+int(n>>octave&(steps-1)), buckets-1)
}

// upper is the largest value in bucket i; the last bucket has none, it says where that one begins.
func upper(i int) float64 {
	if i < steps {
		return float64(i + 1)
	}
	octave, step := i/steps-1, i%steps
	return float64(uint64(steps+step+1) << octave)
}

// Snapshot is what histograms held at a time.
type Snapshot struct {
	Count  uint64
	Sum    int64
	counts [buckets]uint64
}

// Add adds what h holds. While h is being fed Sum may be a few values ahead of or behind Count.
func (s *Snapshot) Add(h *Histogram) {
	for i := range h.counts {
		n := h.counts[i].Load()
		s.counts[i] += n
		s.Count += n
	}
	s.Sum += h.sum.Load()
}

// Quantile is the value below which the share q (0 to 1) of all values lies, as if they lay evenly in their
// buckets; 0 if there are none.
func (s *Snapshot) Quantile(q float64) float64 {
	rank := q * float64(s.Count)
	below := 0.0
	for i, n := range s.counts {
		if n > 0 && below+float64(n) >= rank {
			low := 0.0
			if i > 0 {
				low = upper(i - 1)
			}
			return low + (upper(i)-low)*(rank-below)/float64(n)
		}
		below += float64(n)
	}
	return 0
}
