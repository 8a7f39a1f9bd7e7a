package storage

import (
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestEpochAt: the epoch of every record, also after the log start has moved.
func TestEpochAt(t *testing.T) {
	_, l := openTestLog(t, vfs.NewMem(), Config{})
	if e := l.EpochAt(0); e != kafka.NoLeaderEpoch {
		t.Fatalf("epoch %d in an empty log", e)
	}
	for _, e := range []kafka.LeaderEpoch{2, 2, 5} {
		appendBatch(t, l, 2, 0, e)
	}
	l.AssignEpoch(6)
	for round := range 2 {
		for offset, want := range []kafka.LeaderEpoch{2, 2, 2, 2, 5, 5, 6} {
			if round == 1 && offset < 3 {
				want = kafka.NoLeaderEpoch
			}
			if e := l.EpochAt(int64(offset)); e != want {
				t.Errorf("epoch %d at %d, want %d", e, offset, want)
			}
		}
		l.SetLogStartOffset(3)
	}
}
