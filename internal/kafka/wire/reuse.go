package wire

import "unsafe"

// MaxKept bounds what a request keeps from one parse to the next: elements of each of its slices
// (at most 64 KiB each).
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

// grow makes room for n more elements, at least doubling. The old array is left as it is: slices
// of it stay valid.
func grow[T any](s []T, n int) []T {
	if n <= cap(s)-len(s) {
		return s
	}
	grown := make([]T, len(s), len(s)+max(n, len(s)))
	copy(grown, s)
	return grown
}

// growWithin is grow that takes what it allocates from memory; if there is not enough the reader
// fails and s stays as it is.
func growWithin[T any](r *Reader, s []T, n int, memory *int) []T {
	if n <= cap(s)-len(s) {
		return s
	}
	*memory -= (len(s) + max(n, len(s))) * int(unsafe.Sizeof(*new(T)))
	if *memory < 0 && !plantedCountGate {
		r.fail(ErrCount)
		return s
	}
	return grow(s, n)
}
