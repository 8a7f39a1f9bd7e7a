package wire

import (
	"slices"
	"unsafe"
)

// MaxKept bounds what a request keeps from one parse to the next: elements of each of its slices
// (at most 96 KiB each).
const MaxKept = 1024

// emptied returns s without elements and without references into old frames, or nil if it grew
// beyond MaxKept.
func emptied[T any](s []T) []T {
	if cap(s) > MaxKept {
		return nil
	}
	clear(s)
	return s[:0]
}

// growWithin makes room for n more elements, at least doubling, and takes what that allocates from
// memory; if there is not enough the reader fails and s stays as it is.
func growWithin[T any](r *Reader, s []T, n int, memory *int) []T {
	if n <= cap(s)-len(s) {
		return s
	}
	n = max(n, len(s))
	*memory -= (len(s) + n) * int(unsafe.Sizeof(*new(T)))
	if *memory < 0 && !plantedCountGate {
		r.fail(ErrCount)
		return s
	}
	return slices.Grow(s, n)
}
