package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

func benchmarkFile(b *testing.B, name string) File {
	fsys, dir := OS(), filepath.ToSlash(b.TempDir())
	if name == "mem" {
		fsys, dir = NewMem(), ""
	}
	f, err := fsys.Create(dir + "/f")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

// BenchmarkWriteAt overwrites one range, so that only the call is measured.
func BenchmarkWriteAt(b *testing.B) { benchmarkAt(b, File.WriteAt) }

// BenchmarkReadAt reads one range from the page cache.
func BenchmarkReadAt(b *testing.B) { benchmarkAt(b, File.ReadAt) }

func benchmarkAt(b *testing.B, call func(File, []byte, int64) (int, error)) {
	for _, name := range []string{"os", "mem"} {
		for _, size := range []int{1 << 10, 16 << 10, 256 << 10} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				f, p := benchmarkFile(b, name), make([]byte, size)
				if _, err := f.WriteAt(p, 0); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := call(f, p, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCrashClone clones 64 MiB of which 1 MiB is not synced.
func BenchmarkCrashClone(b *testing.B) {
	m := NewMem()
	f, err := m.Create("/f")
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat([]byte("x"), 64<<20)
	f.WriteAt(data, 0)
	f.Sync()
	f.WriteAt(data[:1<<20], 64<<20)
	rng := newRand(1)
	b.ReportAllocs()
	for b.Loop() {
		m.CrashClone(rng, CrashOptions{})
	}
}

// TestFilesDoNotAllocate holds the roads of produce and fetch to it.
func TestFilesDoNotAllocate(t *testing.T) {
	for name, fsys := range map[string]FS{"os": OS(), "mem": NewMem(), "counts": WithCounts(OS())} {
		dir := "/"
		if name != "mem" {
			dir = filepath.ToSlash(t.TempDir())
		}
		f, err := fsys.Create(dir + "/f")
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 16<<10)
		n := testing.AllocsPerRun(20, func() {
			if _, err := f.WriteAt(p, 0); err != nil {
				t.Fatal(err)
			}
			if _, err := f.ReadAt(p, 0); err != nil {
				t.Fatal(err)
			}
			if d, ok := f.(Descriptor); ok { // a real disk
				d.Fd()
				if err := errors.Join(f.WriteOut(0, int64(len(p))), f.Preallocate(0, int64(len(p))), f.SyncData()); err != nil {
					t.Fatal(err)
				}
			}
		})
		if n != 0 {
			t.Errorf("%s: a write, a read and a sync allocate %v times", name, n)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
