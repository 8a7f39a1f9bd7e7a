package storage

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestFilesPutThere puts segments into a log that was stopped cleanly, as somebody does who moves a partition by hand. What the log
// serves after that it must have after a crash, too; what a recovery would cut is refused at once. Apache Kafka writes lower leader epochs
// after higher ones when its files come from another cluster.
func TestFilesPutThere(t *testing.T) {
	f := func(name string, epochs []kafka.LeaderEpoch, spoil func([]byte), serves bool) {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			d, l := openTestLog(t, fs, Config{})
			var segment []byte
			for i, e := range epochs {
				b := makeBatch(3, 20, int64(i), 0)
				b.SetBaseOffset(int64(3 * i))
				b.SetLeaderEpoch(e)
				segment = append(segment, b...)
			}
			if spoil != nil {
				spoil(segment)
			}
			if err := d.Close(true, 1); err != nil {
				t.Fatal(err)
			}
			putFile(t, fs, segmentName(l.Path(), 0, extLog), slices.Clone(segment))
			d = openTestDir(t, fs)
			l, err := d.OpenLog(testTopic, Config{}, nil)
			if !serves {
				if !errors.Is(err, ErrCorrupt) {
					t.Fatalf("opened: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			first := readAll(t, l, 0, math.MaxInt64)
			_, l = openTestLog(t, killed(fs), Config{})
			if again := readAll(t, l, 0, math.MaxInt64); !slices.Equal(first, again) || !slices.Equal(first, segment) {
				t.Errorf("%d bytes were put there, %d served, and %d after a crash", len(segment), len(first), len(again))
			}
		})
	}
	f("a log of this cluster", []kafka.LeaderEpoch{0, 0, 2}, nil, true)
	f("epochs that fall", []kafka.LeaderEpoch{4, 4, 1}, nil, false)
	f("a bad checksum", []kafka.LeaderEpoch{0, 0, 0}, func(b []byte) { b[100] ^= 1 }, false)
	f("a gap", []kafka.LeaderEpoch{0, 0, 0}, func(b []byte) { b[len(b)/3+6] = 1 }, false)
}
