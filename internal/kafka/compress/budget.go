package compress

import "fmt"

// Bounds of the default Budget (RELIABILITY §6.2, "decompression bombs").
const (
	maxExpansion      = 20       // decoded bytes per byte of max.message.bytes
	maxDecodedBytes   = 64 << 20 // no batch decodes to more, unless a message may be larger
	defaultMaxRatio   = 1000
	defaultRatioFloor = 1 << 20
)

// Budget bounds what decoding one stream may put out. The bound is the smaller of MaxBytes and,
// once the output is above RatioFloor, MaxRatio times the input. A field that is 0 or negative
// means its default (64 MiB, 1000, 1 MiB), so the zero Budget is a bound too.
type Budget struct {
	MaxBytes   int64
	MaxRatio   int64
	RatioFloor int64
}

// DefaultBudget is the bound for batches of a topic whose max.message.bytes is given: 20 times
// that but at most 64 MiB, and 1000:1 above 1 MiB. Two corners: never below 1 MiB, so that a topic
// with tiny messages still takes well-compressing batches, and never below the message size.
func DefaultBudget(maxMessageBytes int) Budget {
	n := min(int64(maxMessageBytes)*maxExpansion, maxDecodedBytes)
	n = max(n, int64(maxMessageBytes), defaultRatioFloor)
	return Budget{MaxBytes: n, MaxRatio: defaultMaxRatio, RatioFloor: defaultRatioFloor}
}

// limit is the most bytes that a stream of n bytes may decode to; the result fits an int.
func (b Budget) limit(n int) int {
	maxBytes, ratio, floor := b.MaxBytes, b.MaxRatio, b.RatioFloor
	if maxBytes <= 0 {
		maxBytes = maxDecodedBytes
	}
	if ratio <= 0 {
		ratio = defaultMaxRatio
	}
	if floor <= 0 {
		floor = defaultRatioFloor
	}
	if plantedBudget {
		return hardLimit
	}
	byRatio := int64(hardLimit)
	if ratio < hardLimit/int64(max(n, 1)) {
		byRatio = ratio * int64(n)
	}
	return int(min(maxBytes, max(floor, byRatio), hardLimit))
}

// hardLimit keeps every size computed from a budget within an int32 with room to spare.
const hardLimit = 1 << 30

// errBudget tells how much was allowed.
func errBudget(limit int) error { return fmt.Errorf("%w: more than %d bytes", ErrBudget, limit) }

// output collects decoded bytes behind what the caller's slice already held. Room is made in
// steps as bytes arrive, never beyond limit.
type output struct {
	buf   []byte
	start int // length of the caller's slice
	limit int // most bytes after start
}

// len is how many bytes were put out.
func (o *output) len() int { return len(o.buf) - o.start }

// left is how many bytes may still be put out.
func (o *output) left() int { return o.limit - o.len() }

// reserve makes room for exactly n more bytes if the budget has them, and reports whether it does.
// The caller answers for n being no larger than what its input can truly expand to.
func (o *output) reserve(n int) bool {
	if n > o.left() {
		return false
	}
	if n > cap(o.buf)-len(o.buf) {
		// At least doubling keeps the copying linear, but not past the limit.
		step := min(max(n, o.len()), o.left())
		o.buf = growExactly(o.buf, step)
	}
	return true
}

// spare is the room behind the bytes put out so far, cut at the limit.
func (o *output) spare() []byte {
	free := o.buf[len(o.buf):cap(o.buf)]
	return free[:min(len(free), o.left())]
}

// advance takes n bytes that were written to spare.
func (o *output) advance(n int) { o.buf = o.buf[:len(o.buf)+n] }

// growExactly gives b room for n more bytes without append's rounding up by a quarter.
func growExactly(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	if len(b) == 0 {
		return make([]byte, 0, n)
	}
	return append(make([]byte, 0, len(b)+n), b...)
}
