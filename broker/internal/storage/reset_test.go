package storage

import (
	"math/rand/v2"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestResetInterrupted: a log that begins anew somewhere else is, after a crash at any time, as it was or begins there: it never has
// the start of the one and the segments of the other, which would be damage.
func TestResetInterrupted(t *testing.T) {
	for _, by := range []int64{3, -1, -4} {
		rng := rand.New(rand.NewPCG(5, uint64(by)))
		fs := vfs.NewMem()
		d, l := openTestLog(t, fs, Config{SegmentBytes: 400})
		for i := range int64(8) {
			appendBatch(t, l, 1, i, 0)
			d.SyncOnce()
		}
		if err := l.SetLogStartOffset(l.LogEndOffset()); err != nil {
			t.Fatal(err)
		}
		if err := d.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		end, crashes := l.LogEndOffset(), 0
		fs.SetHook(func(op vfs.Op, _ string) {
			if !changing.Has(op) {
				return
			}
			for range 20 {
				crashes++
				d, l := openTestLog(t, fs.CrashClone(rng, vfs.CrashOptions{}), Config{SegmentBytes: 400})
				if got := l.LogEndOffset(); got != end+by && got > end {
					t.Errorf("the log ends at %d, want %d or at most %d", got, end+by, end)
				}
				d.Close(false, 0)
			}
		})
		if err := l.Reset(end + by); err != nil {
			t.Fatal(err)
		}
		fs.SetHook(nil)
		if crashes < 100 {
			t.Errorf("only %d crashes", crashes)
		}
	}
}
