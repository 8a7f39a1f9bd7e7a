package storage

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Goal: what a round takes from memory is what the segment has, whatever happens between the append and the round.
// Method: each step is followed by a round and a power cut that takes everything but the commit log, which
// then must give the log as it was.
func TestKept(t *testing.T) {
	large := func(l *Log) {
		for i := range int64(5) {
			if _, err := l.Append(makeBatch(10, keptBytes/50, i, compress.None), 0, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		reads bool // the round must read back
		step  func(d *Dir, l *Log)
	}{
		{name: "three appends", step: func(_ *Dir, l *Log) {
			for i := range int64(3) {
				appendBatch(t, l, 2, i, 0)
			}
		}},
		{name: "a follower's", step: func(_ *Dir, l *Log) {
			run := []byte{}
			for i := range int64(3) {
				b := slices.Clone(makeBatch(2, 20, i, compress.None))
				b.SetBaseOffset(l.LogEndOffset() + 2*i)
				run = append(run, b...)
			}
			if _, err := l.AppendAsFollower(run, 0); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a sync in between", step: func(_ *Dir, l *Log) {
			appendBatch(t, l, 2, 1, 0)
			if _, err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			appendBatch(t, l, 2, 2, 0)
		}},
		{name: "a truncation in between", reads: true, step: func(_ *Dir, l *Log) {
			appendBatch(t, l, 2, 1, 0)
			if err := l.TruncateTo(appendBatch(t, l, 2, 2, 0)); err != nil { // as long as the one that is left
				t.Fatal(err)
			}
		}},
		{name: "a truncation and an append", reads: true, step: func(_ *Dir, l *Log) {
			if err := l.TruncateTo(appendBatch(t, l, 2, 1, 0)); err != nil {
				t.Fatal(err)
			}
			appendBatch(t, l, 2, 2, 0)
		}},
		{name: "another policy in between", reads: true, step: func(_ *Dir, l *Log) {
			cfg := l.Config()
			appendBatch(t, l, 2, 1, 0)
			os := cfg
			os.Flush = FlushOS
			l.SetConfig(os)
			appendBatch(t, l, 2, 2, 0)
			l.SetConfig(cfg)
			appendBatch(t, l, 2, 3, 0)
		}},
		{name: "a roll", reads: true, step: func(_ *Dir, l *Log) {
			for i := range int64(60) {
				appendBatch(t, l, 2, i, 0)
			}
		}},
		{name: "more than is kept", reads: true, step: func(_ *Dir, l *Log) { large(l) }},
		{name: "too many copies", reads: true, step: func(d *Dir, l *Log) {
			d.commit.copies.n.Add(maxKept)
			defer d.commit.copies.n.Add(-maxKept)
			appendBatch(t, l, 2, 1, 0)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fs := vfs.NewMem()
			o := testOptions()
			o.CommitLogBytes = 8 << 20
			d, err := OpenDir(fs, testDir, o)
			if err != nil {
				t.Fatal(err)
			}
			l, err := d.OpenLog(testTopic, Config{SegmentBytes: 8 * keptBytes}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "a roll" {
				cfg := l.Config()
				cfg.SegmentBytes = 5000
				l.SetConfig(cfg)
			}
			flush(t, d, l, 3, 0)
			for range 3 {
				c.step(d, l)
				reads := 0
				fs.SetHook(func(op vfs.Op, _ string) {
					if op == vfs.OpRead {
						reads++
					}
				})
				d.SyncOnce()
				fs.SetHook(nil)
				if l.FlushedEndOffset() != l.LogEndOffset() || d.commit.copies.n.Load() != 0 || l.mu.kept != nil {
					t.Fatalf("flushed %d of %d, %d copies are left", l.FlushedEndOffset(), l.LogEndOffset(), d.commit.copies.n.Load())
				}
				have := readAll(t, l, 0, math.MaxInt64)
				_, again := openTestLog(t, powerCut(fs), Config{})
				if got := readAll(t, again, 0, math.MaxInt64); !bytes.Equal(got, have) {
					t.Fatalf("after a power cut %d bytes up to %d, want %d up to %d", len(got), again.LogEndOffset(), len(have), l.LogEndOffset())
				}
				if (reads > 0) != c.reads {
					t.Fatalf("the round has read %d times", reads)
				}
			}
		})
	}
}
