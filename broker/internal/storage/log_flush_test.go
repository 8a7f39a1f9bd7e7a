package storage

import (
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// flush.messages syncs a log whose flushing is left to the system before the append returns; without it nothing is synced, and a log
// whose appends are flushed anyway does not do it twice.
func TestFlushMessages(t *testing.T) {
	count := func(c Config, asFollower bool) (syncs int) {
		fs := vfs.NewMem()
		_, l := openTestLog(t, fs, c)
		fs.SetHook(func(op vfs.Op, _ string) {
			if op == vfs.OpSyncData {
				syncs++
			}
		})
		for range 10 {
			if !asFollower {
				appendBatch(t, l, 2, 1000, 0)
				continue
			}
			b := makeBatch(2, 20, 1000, compress.None)
			b.SetBaseOffset(l.LogEndOffset())
			b.SetLeaderEpoch(0)
			if _, err := l.AppendAsFollower(b, 0); err != nil {
				t.Fatal(err)
			}
		}
		return syncs
	}
	for _, follower := range []bool{false, true} {
		for _, c := range []struct {
			messages int64
			policy   Policy
			want     int
		}{{0, FlushOS, 0}, {1, FlushOS, 10}, {2, FlushOS, 10}, {3, FlushOS, 5}, {20, FlushOS, 1}, {1<<63 - 1, FlushOS, 0}, {1, FlushGroup, 0}} {
			if n := count(Config{Flush: c.policy, FlushMessages: c.messages}, follower); n != c.want {
				t.Errorf("flush.messages=%d, policy %d, follower %v: %d syncs, want %d", c.messages, c.policy, follower, n, c.want)
			}
		}
	}
}

// flush.ms counts from when unflushed records are seen first.
func TestFlushAged(t *testing.T) {
	_, l := openTestLog(t, vfs.NewMem(), Config{Flush: FlushOS})
	step := func(now int64, want bool) {
		t.Helper()
		if got, err := l.FlushAged(now, 100); err != nil || got != want {
			t.Fatalf("at %d: %v %v", now, got, err)
		}
	}
	step(1000, false)
	appendBatch(t, l, 1, 0, 0)
	step(1050, false)
	step(1149, false)
	step(1150, true)
	step(2000, false)
	appendBatch(t, l, 1, 0, 0)
	step(2001, false)
	step(1500, false) // set back
	step(1599, false)
	step(1600, true)
	if l.flushed.Load() != 2 {
		t.Fatal(l.flushed.Load())
	}
}
