package storage

import (
	"errors"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// TestFutureFile: what is written is read, and nothing that is damaged in one bit, cut off or of another version.
func TestFutureFile(t *testing.T) {
	for _, want := range []future{
		{tip: testTopic},
		{tip: kafka.TopicIDPartition{ID: kafka.TopicID{15: 1}, Topic: "a.b_c-1", Partition: 1 << 20}, complete: true, start: 5, end: 9, hwm: 7, cleaned: -1},
	} {
		content := want.encode()
		if got, err := parseFuture(content); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		for i := range 8 * len(content) {
			content[i/8] ^= 1 << (i % 8)
			if _, err := parseFuture(content); !errors.Is(err, errFuture) {
				t.Errorf("bit %d: %v", i, err)
			}
			content[i/8] ^= 1 << (i % 8)
		}
		for n := range content {
			if _, err := parseFuture(content[:n]); !errors.Is(err, errFuture) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
	for _, wrong := range []future{
		{tip: kafka.TopicIDPartition{ID: testTopic.ID, Topic: "../up"}},
		{tip: kafka.TopicIDPartition{Topic: "t"}},
		{tip: testTopic, start: 5, end: 4},
		{tip: kafka.TopicIDPartition{ID: testTopic.ID, Topic: "t", Partition: -1}},
	} {
		if _, err := parseFuture(wrong.encode()); !errors.Is(err, errFuture) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}
