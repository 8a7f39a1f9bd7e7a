package storage

import (
	"strconv"
	"sync"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// BenchmarkRoundSource compares the two places from where a round can take a batch: read back from the page cache (what
// gather does for what is not kept), or copied at the append, here into a buffer that all logs of the directory share and under a lock of
// all logs.
func BenchmarkRoundSource(b *testing.B) {
	for _, size := range []int{200, 2 << 10, 16 << 10, 64 << 10} {
		b.Run("read back/"+strconv.Itoa(size), func(b *testing.B) {
			f, err := vfs.OS().Create(b.TempDir() + "/segment")
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			p := make([]byte, size)
			const batches = 256
			for i := range int64(batches) {
				if _, err := f.WriteAt(p, i*int64(size)); err != nil {
					b.Fatal(err)
				}
			}
			round := make([]byte, batches*size)
			b.SetBytes(int64(size))
			for i := range b.N {
				at := i % batches * size
				if _, err := f.ReadAt(round[at:at+size], int64(at)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("copied at append/"+strconv.Itoa(size), func(b *testing.B) {
			var mu sync.Mutex
			p := make([]byte, size)
			const batches = 256
			round := make([]byte, 0, batches*size)
			b.SetBytes(int64(size))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					if len(round)+size > cap(round) {
						round = round[:0]
					}
					round = append(round, p...)
					mu.Unlock()
				}
			})
		})
	}
}

// BenchmarkRound is a round over logs that owe a batch each, on a real disk: the processor's part is what is worth looking at.
func BenchmarkRound(b *testing.B) {
	for _, off := range []bool{false, true} {
		for _, n := range []int{1, 64} {
			b.Run(map[bool]string{false: "commit log", true: "none"}[off]+"/"+strconv.Itoa(n), func(b *testing.B) {
				o := testOptions()
				o.CommitLogBytes = 128 << 20
				if off {
					o.CommitLogBytes = -1
				}
				d, err := OpenDir(vfs.OS(), b.TempDir(), o)
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close(false, 0)
				var logs []*Log
				for i := range n {
					tip := testTopic
					tip.Partition = int32(i)
					l, err := d.OpenLog(tip, Config{}, nil)
					if err != nil {
						b.Fatal(err)
					}
					logs = append(logs, l)
				}
				p := makeBatch(16, 1000, 1, 0)
				b.SetBytes(int64(n * len(p)))
				for b.Loop() {
					for _, l := range logs {
						if _, err := l.Append(p, 1, 1); err != nil {
							b.Fatal(err)
						}
					}
					d.SyncOnce()
				}
			})
		}
	}
}
