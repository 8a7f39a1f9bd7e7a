package storage

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

func benchLog(b testing.TB, c Config) (*Dir, *Log) {
	d, err := OpenDir(vfs.OS(), b.TempDir(), testOptions())
	if err != nil {
		b.Fatal(err)
	}
	l, err := d.OpenLog(testTopic, c, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close(false, 0) })
	return d, l
}

// BenchmarkAppend is the leader's append on a real disk's page cache, policy os (no fdatasync
// beside it) and group (queued, a round every 256 appends outside the timer).
func BenchmarkAppend(b *testing.B) {
	for _, shape := range []struct {
		name    string
		n, size int
	}{{"1KiBx64", 64, 1000}, {"100Bx1", 1, 20}} {
		for _, p := range []Policy{FlushOS, FlushGroup} {
			name := shape.name + "/group"
			if p == FlushOS {
				name = shape.name + "/os"
			}
			b.Run(name, func(b *testing.B) {
				d, l := benchLog(b, Config{Flush: p})
				p := makeBatch(shape.n, shape.size, 1, 0)
				b.SetBytes(int64(len(p)))
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					if _, err := l.Append(p, 1, 1); err != nil {
						b.Fatal(err)
					}
					if i%256 == 255 {
						b.StopTimer()
						d.SyncOnce()
						if l.Size() > 512<<20 {
							l.Reset(l.LogEndOffset())
						}
						b.StartTimer()
					}
				}
			})
		}
	}
}

// BenchmarkRead resolves a read to a region: at the tail (remembered boundary), anywhere in the
// active segment (index in memory) and in a sealed one (index file).
func BenchmarkRead(b *testing.B) {
	d, l := benchLog(b, Config{SegmentBytes: 16 << 20})
	p := makeBatch(16, 1000, 1, 0)
	for range 3000 {
		if _, err := l.Append(p, 1, 1); err != nil {
			b.Fatal(err)
		}
	}
	d.SyncOnce()
	end := l.LogEndOffset()
	segs := *l.segs.Load()
	tail := segs[len(segs)-1].base
	run := func(name string, at func(i int64) int64, max int32) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				s, err := l.Read(at(int64(i)), max, end, true)
				if err != nil || s.Len() == 0 {
					b.Fatal(err, s.Len())
				}
				s.Close()
			}
		})
	}
	run("tail", func(int64) int64 { return end - 16 }, 1<<20)
	run("active", func(i int64) int64 { return tail + i*7919%(end-tail) }, 1<<20)
	run("sealed", func(i int64) int64 { return i * 7919 % tail }, 1<<20)
}

// BenchmarkSyncOnce is a round over one dirty log on a memory disk: what the bookkeeping costs.
func BenchmarkSyncOnce(b *testing.B) {
	d, l := openTestLog(b, vfs.NewMem(), Config{})
	p := makeBatch(1, 20, 1, 0)
	b.ReportAllocs()
	for i := range b.N {
		if _, err := l.Append(p, 1, 1); err != nil {
			b.Fatal(err)
		}
		d.SyncOnce()
		if i%100000 == 0 {
			l.Reset(l.LogEndOffset())
		}
	}
}

// TestAppendIsOneWrite counts the operations that reach the file system.
func TestAppendIsOneWrite(t *testing.T) {
	fs := vfs.NewMem()
	_, l := openTestLog(t, fs, Config{})
	appendBatch(t, l, 1, 0, 0)
	ops := map[vfs.Op]int{}
	fs.SetHook(func(op vfs.Op, _ string) { ops[op]++ })
	for range 10 {
		appendBatch(t, l, 3, 0, 0)
	}
	if len(ops) != 1 || ops[vfs.OpWrite] != 10 {
		t.Fatalf("10 appends made %v", ops)
	}
	clear(ops)
	s, err := l.Read(l.LogEndOffset()-3, math.MaxInt32, math.MaxInt64, true)
	if err != nil || s.Len() == 0 {
		t.Fatal(err)
	}
	s.Close()
	if len(ops) != 0 {
		t.Fatalf("a read at the tail made %v", ops)
	}
	fs.SetHook(nil)
	var p []byte
	for i := range 5 {
		b := makeBatch(1, 20, 1, 0)
		b.SetBaseOffset(l.LogEndOffset() + int64(i))
		b.SetLeaderEpoch(0)
		p = append(p, b...)
	}
	clear(ops)
	fs.SetHook(func(op vfs.Op, _ string) { ops[op]++ })
	if _, err := l.AppendAsFollower(p, 0); err != nil || len(ops) != 1 || ops[vfs.OpWrite] != 1 {
		t.Fatalf("a follower's append of 5 batches made %v, %v", ops, err)
	}
}

// BenchmarkAppendClient is an idempotent producer's append beside its duplicate.
func BenchmarkAppendClient(b *testing.B) {
	d, l := benchLog(b, Config{Flush: FlushOS})
	p := sent{id: 5, n: 1}.batch()
	b.ReportAllocs()
	for i := range b.N {
		binary.BigEndian.PutUint32(p[53:], uint32(i)&math.MaxInt32)
		if _, err := l.AppendClient(p, 0, 0); err != nil {
			b.Fatal(err)
		}
		if i%4096 == 4095 {
			b.StopTimer()
			d.SyncOnce()
			if l.Size() > 256<<20 {
				l.Reset(l.LogEndOffset())
			}
			b.StartTimer()
		}
	}
}

// BenchmarkProducerMemory tells the bytes per producer id, with one batch each and with a full
// window.
func BenchmarkProducerMemory(b *testing.B) {
	for _, n := range []int{1, windowBatches} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			const ids = 100_000
			for range b.N {
				var before, after runtime.MemStats
				var p producers
				x := sent{id: 1}.batch()
				runtime.GC()
				runtime.ReadMemStats(&before)
				for i := range ids * n {
					binary.BigEndian.PutUint64(x[43:], uint64(i%ids))
					binary.BigEndian.PutUint32(x[53:], uint32(i/ids)) // in sequence, or nothing is remembered
					p.add(x, -1)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/ids, "B/id")
				runtime.KeepAlive(&p)
			}
		})
	}
}

// BenchmarkOpenWithProducers is a clean start of a log of 256 MiB in batches of 16 KiB from 1,000
// producers: with the window file of its last snapshot, and without it, when the segment is read for
// what the snapshot does not say (T-02).
func BenchmarkOpenWithProducers(b *testing.B) {
	for _, lost := range []bool{false, true} {
		b.Run(map[bool]string{false: "windows", true: "lost"}[lost], func(b *testing.B) {
			fs, root := vfs.OS(), filepath.ToSlash(b.TempDir())
			open := func() (*Dir, *Log) {
				d, err := OpenDir(fs, root, testOptions())
				if err != nil {
					b.Fatal(err)
				}
				l, err := d.OpenLog(testTopic, Config{Flush: FlushOS}, nil)
				if err != nil {
					b.Fatal(err)
				}
				return d, l
			}
			d, l := open()
			var x batch.Builder
			x.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: 1})
			x.Append(1, nil, make([]byte, 16<<10), nil)
			p, err := x.Build()
			if err != nil {
				b.Fatal(err)
			}
			for i := range 16 << 10 {
				binary.BigEndian.PutUint64(p[43:], uint64(i%1000))
				binary.BigEndian.PutUint32(p[53:], uint32(i/1000))
				if _, err := l.AppendClient(p, 0, 0); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				b.StopTimer()
				if err := d.Close(true, 0); err != nil {
					b.Fatal(err)
				}
				if name := windowName(l.Path(), l.LogEndOffset()); lost {
					removeIfExists(fs, name)
				}
				b.StartTimer()
				d, l = open()
			}
			b.StopTimer()
			d.Close(false, 0)
		})
	}
}
