package batch

import (
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// TestPoint041ConsecutiveOffsets: records of a client's batch count up from 0 without a gap.
func TestPoint041ConsecutiveOffsets(t *testing.T) {
	var v Validator
	// attributes, timestamp delta, offset delta (zigzag), null key, null value, no headers
	at := func(delta byte) []byte { return rec(0, 0, 2*delta, 1, 1, 0) }
	f := func(want Reason, deltas ...byte) {
		t.Helper()
		for c := compress.None; c <= compress.Zstd; c++ {
			var records []byte
			for _, d := range deltas {
				records = append(records, at(d)...)
			}
			_, err := v.Client(fromRecords(t, c, int32(len(deltas)), records), lenient())
			if got, _ := reasonOf(t, err); got != want {
				t.Errorf("%v %v: %v", c, deltas, err)
			}
		}
	}
	f(0, 0)
	f(0, 0, 1, 2)
	f(ReasonInvalidRecord, 0, 2)
	f(ReasonInvalidRecord, 1, 2)
	f(ReasonInvalidRecord, 1, 0)
	f(ReasonInvalidRecord, 0, 0)
}
