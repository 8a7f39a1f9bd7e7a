package storage

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage/clean"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Cleaning beside appends, reads from anywhere, the syncer and moves of the log start: every read gives whole batches in order, of
// records that were written at their offsets, and what is left in the end is the newest of each key.
func TestCleanBesideTheRest(t *testing.T) {
	cfg := Config{Sparse: true, SegmentBytes: 4000, IndexIntervalBytes: 500}
	d, l := openTestLog(t, vfs.NewMem(), cfg)
	d.Start()
	defer d.Close(true, 1)
	const records, keys = 6000, 50
	value := func(o int64) string { return fmt.Sprintf("value of %d", o) }
	var over atomic.Bool
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for from := int64(0); !over.Load(); {
				s, err := l.Read(from, 3000, math.MaxInt64, true)
				if err == ErrOffsetOutOfRange {
					from = l.LogStartOffset()
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				p, err := s.AppendTo(nil)
				next := s.NextOffset()
				s.Close()
				if err != nil {
					t.Error(err)
					return
				}
				for len(p) > 0 {
					b, rest, err := batch.Next(p)
					if err != nil || !b.VerifyCRC() || b.LastOffset() < from {
						t.Errorf("read at %d: %v", from, err)
						return
					}
					eachWord(t, b, func(o int64, w word) {
						if w.value != value(o) || w.key != fmt.Sprint("k", o%keys) {
							t.Errorf("at %d: %v", o, w)
						}
					})
					p, from = rest, b.NextOffset()
				}
				if from = next; from >= l.LogEndOffset() {
					from = l.LogStartOffset()
				}
			}
		})
	}
	others.Go(func() {
		for c := clean.New(clean.Options{MapBytes: 24 * 30}); !over.Load(); {
			if _, err := l.Clean(CleanOptions{Cleaner: c, Stable: l.FlushedEndOffset()}); err != nil && err != ErrInterrupted {
				t.Error(err)
				return
			}
		}
	})
	for o := int64(0); o < records; o++ {
		if _, err := l.Append(wordBatch(batch.BuilderOptions{}, word{fmt.Sprint("k", o%keys), value(o), 1000 + o}), 0, 0); err != nil {
			t.Fatal(err)
		}
		if o%500 == 499 {
			if err := l.SetLogStartOffset(o - 450); err != nil {
				t.Fatal(err)
			}
		}
	}
	over.Store(true)
	others.Wait()
	l.mu.Lock()
	_, err := l.rollLocked(l.cfg.Load(), l.end.Load())
	l.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		done := cleanLog(t, l, 0)
		more = done.More
	}
	got := table(t, l)
	if len(got) != keys {
		t.Fatalf("%d keys are left", len(got))
	}
	for o := int64(records - keys); o < records; o++ {
		if got[fmt.Sprint("k", o%keys)] != value(o) {
			t.Errorf("k%d is %s", o%keys, got[fmt.Sprint("k", o%keys)])
		}
	}
}
