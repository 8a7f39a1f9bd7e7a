package group

import (
	"unicode/utf16"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// place is the partition of the offsets topic that a group belongs to, the same as in Kafka, so that both find what the other
// has written. ok is false while the topic is not there.
func place(group string, image *metadata.Image) (index int32, ok bool) {
	t := image.Topic(kafka.OffsetsTopic)
	if t == nil || len(t.Partitions) == 0 {
		return 0, false
	}
	return javaHash(group) % int32(len(t.Partitions)), true
}

// javaHash is the absolute value of Java's String.hashCode: over UTF-16 units; the smallest number, which has no absolute value,
// is 0.
func javaHash(s string) int32 {
	var h int32
	for _, r := range s {
		if r < 0x10000 {
			h = 31*h + int32(r)
			continue
		}
		high, low := utf16.EncodeRune(r)
		h = 31*(31*h+int32(high)) + int32(low)
	}
	if h < 0 {
		h = -h // the smallest number stays what it is
	}
	return max(h, 0)
}
