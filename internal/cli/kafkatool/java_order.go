package kafkatool

import (
	"cmp"
	"slices"
	"unicode/utf16"
)

// inJavaOrder sorts as a java.util.HashMap that the items were put into one after the other hands
// them out: Kafka's tools print some of their lists so, and the same lists must come out of these.
func inJavaOrder[T any](items []T, hash func(T) int32) []T {
	buckets := uint32(16)
	for float64(len(items)) > 0.75*float64(buckets) {
		buckets *= 2
	}
	out := slices.Clone(items)
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(bucket(hash(a), buckets), bucket(hash(b), buckets)) })
	return out
}

func bucket(hash int32, buckets uint32) uint32 {
	h := uint32(hash)
	return (h ^ h>>16) & (buckets - 1)
}

// javaHash is String.hashCode.
func javaHash(s string) (h int32) {
	for _, unit := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(unit)
	}
	return h
}
