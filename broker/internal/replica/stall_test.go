package replica

import (
	"errors"
	"log/slog"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestStalledDirectory: while the disk under a partition hangs, consumers read on, producers get a
// retriable error instead of waiting, and a change of the leadership does not wait for an append that hangs; it
// holds when the append has ended (S-13).
func TestStalledDirectory(t *testing.T) {
	for op, file := range map[string]string{"syncdata": ".thalweg-commitlog-*", "write": "*.log"} { // order-free: each by itself
		synctest.Test(t, func(t *testing.T) {
			r := &rig{t: t, fs: vfs.NewMem()}
			slow := vfs.WithErrors(r.fs)
			dir, err := storage.OpenDir(slow, "data", storage.DirOptions{
				ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Random: func() [16]byte { return [16]byte{9, 9, 9} },
			})
			if err != nil {
				t.Fatal(err)
			}
			dir.Start()
			cfg := metadata.NewImage(metadata.ImageOptions{}).EffectiveTopicConfig("orders")
			m := NewManager(Options{Self: 1, Dirs: []*storage.Dir{dir}, Logger: slog.New(slog.DiscardHandler)})
			r.dir, r.p = dir, openNow(m, orders, &cfg)
			r.lead(1, 1)
			if _, err := r.append(AcksAll, 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			slow.SetRules(vfs.MustRules("op=" + op + " path=" + file + " nth=1 latency=25s")...)
			begin, waits := time.Now(), make(chan Appended, 1)
			go func() {
				a, err := r.append(AcksAll, 2)
				if err != nil {
					t.Error(err)
				}
				waits <- a
			}()
			for range 6 {
				synctest.Wait()
				dir.Watch(time.Now())
				time.Sleep(2 * time.Second)
			}
			dir.Watch(time.Now())
			if _, err := r.p.Append(r.batch(3), &AppendOptions{Acks: AcksAll, Now: now, Validator: &r.v}); !errors.Is(err, storage.ErrStalled) {
				t.Errorf("%s: append: %v", op, err)
			}
			if _, err := r.p.DeleteRecords(1); !errors.Is(err, storage.ErrStalled) {
				t.Errorf("%s: delete: %v", op, err)
			}
			if op == "syncdata" {
				a := <-waits
				if err := r.p.Committed(a); !errors.Is(err, storage.ErrStalled) {
					t.Errorf("%s: the append that waits: %v", op, err)
				}
				waits <- a
			}
			res, err := r.p.Read(&ReadOptions{MaxBytes: math.MaxInt32, MinOne: true, CurrentEpoch: kafka.NoLeaderEpoch, LastFetchedEpoch: kafka.NoLeaderEpoch})
			if err != nil || res.Slice.Len() == 0 || res.HighWatermark != 1 {
				t.Errorf("%s: read %+v, %v", op, res, err)
			}
			res.Slice.Close()
			if waited := time.Since(begin); waited != 12*time.Second {
				t.Fatalf("%s: somebody waited for the disk: %v", op, waited)
			}
			if op == "write" { // with a flush that hangs nothing is in the way
				r.lead(2, 1)
				if waited := time.Since(begin); waited != 12*time.Second {
					t.Fatalf("the leadership waited for the disk: %v", waited)
				}
				if _, err := r.p.Read(&ReadOptions{MaxBytes: 1, MinOne: true, CurrentEpoch: 2, LastFetchedEpoch: kafka.NoLeaderEpoch}); !errors.Is(err, ErrNotLeader) {
					t.Errorf("while an append of the old epoch runs: %v", err)
				}
			}
			time.Sleep(20 * time.Second)
			synctest.Wait()
			dir.Watch(time.Now())
			a := <-waits
			if op == "write" {
				if err := r.p.Committed(a); !errors.Is(err, ErrNotLeader) {
					t.Errorf("an append across a change of the epoch: %v", err)
				}
				if l, e := r.p.Leader(); l != 1 || e != 2 || !r.p.role.Load().leading || r.p.role.Load().epochStart != 2 {
					t.Errorf("%+v", r.p.role.Load())
				}
			} else if err := r.p.Committed(a); err != nil {
				t.Errorf("when the disk answers: %v", err)
			}
			if _, err := r.append(AcksAll, 3); err != nil {
				t.Errorf("%s: %v", op, err)
			}
			if err := dir.Close(true, 1); err != nil {
				t.Error(err)
			}
		})
	}
}
