package storage

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// watched is a directory on a disk that can be slow, looked at every two seconds.
type watched struct {
	t   *testing.T
	mem *vfs.MemFS
	fs  *vfs.ErrorFS
	d   *Dir
	l   *Log
	obs *spy
}

func newWatched(t *testing.T, commitLogBytes int64) *watched {
	w := &watched{t: t, mem: vfs.NewMem(), obs: &spy{}}
	w.fs = vfs.WithErrors(w.mem)
	o := testOptions()
	o.QueueBytes, o.CommitLogBytes = 300, commitLogBytes
	var err error
	if w.d, err = OpenDir(w.fs, testDir, o); err != nil {
		t.Fatal(err)
	}
	if w.l, err = w.d.OpenLog(testTopic, Config{}, w.obs); err != nil {
		t.Fatal(err)
	}
	w.d.Start()
	appendBatch(t, w.l, 1, 0, 0)
	synctest.Wait()
	return w
}

// until looks every two seconds until the condition is want, and returns how long that took.
func (w *watched) until(want Condition) time.Duration {
	w.t.Helper()
	begin := time.Now()
	for time.Since(begin) < time.Hour {
		if w.d.Watch(time.Now()) == want {
			return time.Since(begin)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
	}
	w.t.Fatalf("never %d", want)
	return 0
}

// refused: nothing that would write waits for the disk.
func (w *watched) refused(want error) {
	w.t.Helper()
	begin := time.Now()
	b := makeBatch(1, 20, 0, 0)
	_, append1 := w.l.AppendClient(b, 0, 0)
	_, append2 := w.l.Append(b, 0, 0)
	_, follow := w.l.AppendAsFollower(b, 0)
	_, open := w.d.OpenLog(testTopic, Config{}, nil)
	for i, err := range []error{append1, append2, follow, w.l.TruncateTo(0), w.l.SetLogStartOffset(1), w.l.Reset(9),
		w.l.Close(), open, w.d.RemoveLog(testTopic, 0)} {
		if !errors.Is(err, want) {
			w.t.Errorf("operation %d: %v, want %v", i, err, want)
		}
	}
	if d := time.Since(begin); d != 0 {
		w.t.Errorf("refused after %v", d)
	}
}

// TestStalledDirectory: while a flush, a write or a checkpoint hangs, reads go on; after ten seconds
// what would write is refused at once, also appends that wait for the syncer, and it is taken again
// when the disk answers (S-13).
func TestStalledDirectory(t *testing.T) {
	for _, rule := range []string{
		"op=syncdata path=*.log nth=1 latency=21s", "op=write path=*.log nth=1 latency=21s", "op=sync path=*recovery* nth=1 latency=21s",
		"op=syncdata path=*commitlog* nth=1 latency=21s", "op=write path=*commitlog* nth=1 latency=21s",
	} {
		synctest.Test(t, func(t *testing.T) {
			size := int64(-1)
			if strings.Contains(rule, "commitlog") {
				size = 1 << 20
			}
			w := newWatched(t, size)
			w.fs.SetRules(vfs.MustRules(rule)...)
			errs := make(chan error, 4)
			appends := 4 // those after the first are too many for the queue while a flush hangs
			if !strings.Contains(rule, "syncdata") && !strings.Contains(rule, "commitlog") {
				appends = 1 // others would wait for a mutex, in which a bubble's time does not pass
			}
			for range appends {
				go func() {
					_, err := w.l.Append(makeBatch(1, 120, 0, 0), 0, 0)
					errs <- err
				}()
				synctest.Wait()
			}
			if strings.Contains(rule, "recovery") {
				go w.d.Checkpoint()
				synctest.Wait()
			}
			if d := w.until(Stalled); d < 10*time.Second || d > 12*time.Second {
				t.Errorf("%s: stalled after %v", rule, d)
			}
			w.refused(ErrStalled)
			if got := readAll(t, w.l, 0, 1); len(got) == 0 {
				t.Errorf("%s: nothing to read", rule)
			}
			if d := w.until(Healthy); d < 9*time.Second || d > 13*time.Second {
				t.Errorf("%s: stalled for %v", rule, d)
			}
			synctest.Wait()
			for range appends {
				if err := <-errs; err != nil && !errors.Is(err, ErrStalled) {
					t.Errorf("%s: %v", rule, err)
				}
			}
			appendBatch(t, w.l, 1, 0, 0)
			synctest.Wait()
			if n := len(w.obs.stalled); n < 2 || !w.obs.stalled[0] || w.obs.stalled[n-1] || w.obs.failed != nil {
				t.Errorf("%s: told %v, %v", rule, w.obs.stalled, w.obs.failed)
			}
			if end := w.l.LogEndOffset(); w.l.FlushedEndOffset() != end || end < 2 {
				t.Errorf("%s: flushed %d of %d", rule, w.l.FlushedEndOffset(), end)
			}
			if err := w.d.Close(true, 0); err != nil {
				t.Errorf("%s: %v", rule, err)
			}
		})
	}
}

// TestHangingDirectoryIsGivenUp: after thirty seconds the directory is offline, for good, and can be
// closed without waiting. What was flushed before is there at the next start, which knows of the failure.
func TestHangingDirectoryIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t, -1)
		w.fs.SetRules(vfs.MustRules("op=syncdata path=*.log nth=1 latency=5m")...)
		appendBatch(t, w.l, 1, 0, 0)
		synctest.Wait()
		if d := w.until(Offline); d < 30*time.Second || d > 32*time.Second {
			t.Errorf("offline after %v", d)
		}
		if len(w.obs.failed) != 1 || !errors.Is(w.obs.failed[0], ErrOffline) {
			t.Errorf("told %v", w.obs.failed)
		}
		w.refused(ErrOffline)
		begin := time.Now()
		if err := w.d.Close(true, 0); !errors.Is(err, ErrOffline) || time.Since(begin) != 0 {
			t.Errorf("closed after %v: %v", time.Since(begin), err)
		}
		if time.Sleep(5 * time.Minute); w.l.FlushedEndOffset() != 1 {
			t.Errorf("flushed to %d", w.l.FlushedEndOffset())
		}
		synctest.Wait()
		for name, want := range map[string]bool{cleanFile: false, failedFile: true} {
			if _, err := w.mem.Stat(testDir + "/" + name); (err == nil) != want {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, l := openTestLog(t, powerCut(w.mem), Config{})
		if got := len(batches(t, readAll(t, l, 0, math.MaxInt64))); got < 1 {
			t.Errorf("%d batches", got)
		}
	})
}
