package broker_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"golang.org/x/sys/unix"
)

// BenchmarkDurableAck is what one writer waits for who sends a record of 1 KiB at a time over a socket and has each answer wait
// for the disk, next to what the disk takes: a write of as many blocks over written ones and an fdatasync, in the
// same directory, in turns. The difference of the medians is the broker's, with both ways over the loopback. os is the same
// answer without a disk.
//
//	go test ./broker -run xxx -bench DurableAck -benchtime 4000x
func BenchmarkDurableAck(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir := b.TempDir()
	at := brokertest.Start(b, brokertest.WithDir(dir)).Addr()
	c, raw := dialQuiet(b, at), dialRaw(b, at)
	durable := produceFrame(b, "durable", createTopic(b, raw, "durable", "flush.policy", "group"), 13, -1, 1, 1<<10)
	cached := produceFrame(b, "cached", createTopic(b, raw, "cached", "flush.policy", "os"), 13, -1, 1, 1<<10)
	through, past := newBare(b, dir+"/bare-cached", false), newBare(b, dir+"/bare-direct", true)

	ways := []struct {
		name string
		do   func()
		took []time.Duration
	}{
		{name: "ack", do: func() { c.call(durable, 1) }},
		{name: "bare", do: through.commit},
		{name: "direct", do: past.commit},
		{name: "os", do: func() { c.call(cached, 1) }},
	}
	checkProduced(b, 13, raw.call(durable))
	checkProduced(b, 13, raw.call(cached))
	for i := range ways {
		ways[i].do() // not the first time
	}
	b.ResetTimer()
	for range b.N {
		for i := range ways {
			began := time.Now()
			ways[i].do()
			ways[i].took = append(ways[i].took, time.Since(began))
		}
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	micro := func(i, percent int) float64 {
		t := ways[i].took
		return float64(t[min(len(t)*percent/100, len(t)-1)]) / 1e3
	}
	for i := range ways {
		slices.Sort(ways[i].took)
	}
	for _, percent := range []int{10, 50, 99} {
		for i, w := range ways {
			b.ReportMetric(micro(i, percent), fmt.Sprintf("%s-p%d-µs", w.name, percent))
		}
	}
	b.ReportMetric(micro(0, 10)-micro(1, 10), "over-bare-p10-µs")
	b.ReportMetric(micro(0, 50)-micro(1, 50), "over-bare-p50-µs")
}

// bare is a file of written blocks, over which one write and fdatasync goes after the other.
type bare struct {
	b   *testing.B
	f   vfs.File
	p   []byte
	pos int64
}

const bareBytes = 8 << 20

func newBare(b *testing.B, name string, direct bool) *bare {
	b.Helper()
	f, err := vfs.OS().Create(filepath.ToSlash(name))
	if err == nil {
		_, err = f.WriteAt(make([]byte, bareBytes), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && direct {
		if err = f.Close(); err == nil {
			f, err = vfs.OS().OpenDirect(filepath.ToSlash(name))
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return &bare{b: b, f: f, p: vfs.Aligned(vfs.BlockSize)}
}

func (x *bare) commit() {
	_, err := x.f.WriteAt(x.p, x.pos)
	if err == nil {
		err = x.f.SyncData()
	}
	if err != nil {
		x.b.Fatal(err)
	}
	x.pos = (x.pos + int64(len(x.p))) % bareBytes
}

// BenchmarkSecondWrite is what the commit log adds to a batch of 16 KiB on its own: rounds of so many such batches, written over
// written blocks as the commit log does it, and made durable. µs/batch is processor time of the process.
//
//	go test ./broker -run xxx -bench SecondWrite -benchtime 2000x
func BenchmarkSecondWrite(b *testing.B) {
	const batch = 16 << 10
	for _, direct := range []bool{true, false} {
		for _, n := range []int{1, 8, 32, 64} {
			b.Run(fmt.Sprintf("direct=%v/%d", direct, n), func(b *testing.B) {
				x := newBare(b, b.TempDir()+"/ring", direct)
				x.p = vfs.Aligned(n*batch + vfs.BlockSize)
				x.pos = bareBytes
				before := processTime(b)
				b.ResetTimer()
				for range b.N {
					if x.pos+int64(len(x.p)) > bareBytes {
						x.pos = 0
					}
					x.commit()
				}
				b.ReportMetric(float64(processTime(b)-before)/1e3/float64(b.N*n), "µs/batch")
			})
		}
	}
}

// processTime is the processor time of this process.
func processTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
