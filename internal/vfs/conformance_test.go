package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// Goal: the memory file system behaves as the real one, so that what is tested on it holds.
// Method: one suite, run on OS in a temporary directory, on MemFS, and on both behind wrappers
// without rules.

func TestConformance(t *testing.T) {
	systems := map[string]func(*testing.T) (FS, string){
		"os":         func(t *testing.T) (FS, string) { return OS(), tempDir(t) },
		"mem":        func(t *testing.T) (FS, string) { return NewMem(), "/" },
		"os errors":  func(t *testing.T) (FS, string) { return WithErrors(OS()), tempDir(t) },
		"mem counts": func(t *testing.T) (FS, string) { return WithCounts(NewMem()), "/" },
		"mem clone": func(t *testing.T) (FS, string) {
			return NewMem().CrashClone(nil, CrashOptions{Unsynced: LoseUnsynced}), "/"
		},
	}
	for name, system := range systems {
		for _, c := range conformance {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				fsys, dir := system(t)
				c.run(&suite{t, fsys, path.Join(dir, "top")})
			})
		}
	}
}

var conformance = []struct {
	name string
	run  func(*suite)
}{
	{"read and write", testReadWrite},
	{"holes and truncation", testTruncate},
	{"create and open", testOpen},
	{"direct", testDirect},
	{"directories", testDirectories},
	{"rename", testRename},
	{"remove", testRemove},
	{"removed but open", testRemovedButOpen},
	{"lock", testLock},
	{"closed", testClosed},
	{"usage", testUsage},
	{"many goroutines", testConcurrent},
	{"random writes", testRandomWrites},
}

// suite is a file system under test with helpers that fail the test. dir exists after mkdir.
type suite struct {
	*testing.T
	fs  FS
	dir string
}

func tempDir(t *testing.T) string { return filepath.ToSlash(t.TempDir()) }

func (s *suite) path(name string) string { return path.Join(s.dir, name) }

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("error %v, want %v", err, want)
	}
}

func (s *suite) mkdir(name string) { s.Helper(); s.ok(s.fs.MkdirAll(s.path(name))) }

// put makes a file with a content.
func (s *suite) put(name, content string) File {
	s.Helper()
	f, err := s.fs.Create(s.path(name))
	s.ok(err)
	s.write(f, content, 0)
	return f
}

func (s *suite) write(f File, content string, off int64) {
	s.Helper()
	if n, err := f.WriteAt([]byte(content), off); err != nil || n != len(content) {
		s.Fatalf("write: %d, %v", n, err)
	}
}

// content reads a whole open file and compares.
func (s *suite) content(f File, want string) {
	s.Helper()
	size, err := f.Size()
	s.ok(err)
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n != len(b) || err != nil && err != io.EOF {
		s.Fatalf("read: %d of %d, %v", n, size, err)
	}
	if string(b) != want {
		s.Fatalf("content %.80q (%d bytes), want %.80q (%d bytes)", b, len(b), want, len(want))
	}
}

// named compares the file with a name.
func (s *suite) named(name, want string) {
	s.Helper()
	f, err := s.fs.Open(s.path(name))
	s.ok(err)
	s.content(f, want)
	s.ok(f.Close())
}

func (s *suite) list(name string, want ...string) {
	s.Helper()
	got, err := s.fs.List(s.path(name))
	s.ok(err)
	if !slices.Equal(got, want) {
		s.Fatalf("list of %q is %q, want %q", name, got, want)
	}
}

func testReadWrite(s *suite) {
	s.mkdir("")
	f := s.put("f", "0123456789")
	b := make([]byte, 4)
	n, err := f.ReadAt(b, 8)
	if n != 2 || err != io.EOF || string(b[:n]) != "89" {
		s.Errorf("read across the end: %q, %v", b[:n], err)
	}
	if n, err := f.ReadAt(b, 10); n != 0 || err != io.EOF {
		s.Errorf("read at the end: %d, %v", n, err)
	}
	if n, err := f.ReadAt(b, 1<<40); n != 0 || err != io.EOF {
		s.Errorf("read far beyond the end: %d, %v", n, err)
	}
	if n, err := f.ReadAt(nil, 10); n != 0 || err != nil {
		s.Errorf("empty read at the end: %d, %v", n, err)
	}
	if n, err := f.ReadAt(b, -1); n != 0 || err == nil {
		s.Errorf("read before the start: %d, %v", n, err)
	}
	if n, err := f.WriteAt(b, -1); n != 0 || err == nil {
		s.Errorf("write before the start: %d, %v", n, err)
	}
	s.write(f, "ABC", 4)
	s.content(f, "0123ABC789")
	s.ok(f.Sync())
	s.write(f, "xyz", 9)
	s.ok(f.SyncData())
	s.ok(f.WriteOut(0, 12))
	s.ok(f.Preallocate(9, 4<<10))
	s.content(f, "0123ABC78xyz")
	info, err := s.fs.Stat(s.path("f"))
	s.ok(err)
	if info.Size != 12 || info.Dir || info.ModTime.IsZero() {
		s.Errorf("stat: %+v", info)
	}
	s.ok(f.Close())
}

func testTruncate(s *suite) {
	s.mkdir("")
	f := s.put("f", "abc")
	zeros := func(n int) string { return string(make([]byte, n)) }
	s.write(f, "z", 10_000)
	s.content(f, "abc"+zeros(9997)+"z")
	s.ok(f.Truncate(5000))
	s.ok(f.Truncate(10_001))
	s.content(f, "abc"+zeros(9998))
	s.write(f, "tail", 4094)
	s.ok(f.Truncate(4096))
	s.content(f, "abc"+zeros(4091)+"ta")
	s.ok(f.Truncate(4095))
	s.write(f, "q", 4097)
	s.content(f, "abc"+zeros(4091)+"t"+zeros(2)+"q")
	s.ok(f.Truncate(0))
	s.content(f, "")
	if f.Truncate(-1) == nil {
		s.Error("truncation to -1 works")
	}
	s.ok(f.Close())
}

func testOpen(s *suite) {
	_, err := s.fs.Create(s.path("f"))
	s.fails(err, fs.ErrNotExist) // no directory
	s.mkdir("")
	_, err = s.fs.Open(s.path("f"))
	s.fails(err, fs.ErrNotExist)
	_, err = s.fs.OpenReadWrite(s.path("f"))
	s.fails(err, fs.ErrNotExist)
	var pe *fs.PathError
	if !errors.As(err, &pe) || pe.Path != s.path("f") {
		s.Errorf("error %v does not name the path", err)
	}

	f := s.put("f", "content")
	g, err := s.fs.Open(s.path("f"))
	s.ok(err)
	if _, err := g.WriteAt([]byte("x"), 0); err == nil {
		s.Error("write to a file opened for reading works")
	}
	if g.Truncate(0) == nil {
		s.Error("truncation of a file opened for reading works")
	}
	h, err := s.fs.OpenReadWrite(s.path("f"))
	s.ok(err)
	s.write(h, "C", 0)
	s.content(g, "Content")
	again, err := s.fs.Create(s.path("f"))
	s.ok(err)
	for _, f := range []File{f, g, h, again} {
		s.content(f, "")
		s.ok(f.Close())
	}
	_, err = s.fs.Open(s.path("f/below"))
	s.fails(err, syscall.ENOTDIR)
	for _, open := range []func(string) (File, error){s.fs.Open, s.fs.OpenReadWrite, s.fs.Create} {
		if _, err := open(s.dir); err == nil {
			s.Error("a directory was opened as a file")
		}
	}
}

func testDirect(s *suite) {
	s.ok(s.fs.MkdirAll(s.dir))
	_, err := s.fs.OpenDirect(s.path("f"))
	s.fails(err, fs.ErrNotExist)
	f, err := s.fs.Create(s.path("f"))
	s.ok(err)
	s.ok(f.Close())
	d, err := s.fs.OpenDirect(s.path("f"))
	s.ok(err)
	defer d.Close()
	want := Aligned(3 * BlockSize)
	for i := range want {
		want[i] = byte(i / 100)
	}
	if len(want) != 3*BlockSize || cap(want) != len(want) || offBlock(want) != 0 {
		s.Fatalf("%d aligned bytes of %d, %d behind a block", len(want), cap(want), offBlock(want))
	}
	for _, at := range []int64{BlockSize, 0} { // the second time over blocks that are there
		n, err := d.WriteAt(want, at)
		s.ok(err)
		if n != len(want) {
			s.Fatalf("wrote %d", n)
		}
	}
	s.ok(d.SyncData())
	got := Aligned(len(want))
	n, err := d.ReadAt(got, 0)
	s.ok(err)
	f, err = s.fs.Open(s.path("f")) // as everybody else sees it
	s.ok(err)
	defer f.Close()
	size, err := f.Size()
	s.ok(err)
	through := make([]byte, len(want))
	m, err := f.ReadAt(through, 0)
	s.ok(err)
	if n != len(want) || m != n || size != 4*BlockSize || !bytes.Equal(got, want) || !bytes.Equal(through, want) {
		s.Fatalf("read %d and %d of %d bytes", n, m, size)
	}
}

func testDirectories(s *suite) {
	_, err := s.fs.List(s.dir)
	s.fails(err, fs.ErrNotExist)
	s.mkdir("b/c/d")
	s.mkdir("b/c")
	s.mkdir("a")
	s.ok(s.put("file", "").Close())
	s.ok(s.put("B", "").Close())
	s.list("", "B", "a", "b", "file")
	s.list("a")
	info, err := s.fs.Stat(s.path("b/c"))
	s.ok(err)
	if !info.Dir {
		s.Error("a directory is none")
	}
	_, err = s.fs.Stat(s.path("b/x"))
	s.fails(err, fs.ErrNotExist)
	_, err = s.fs.List(s.path("file"))
	s.fails(err, syscall.ENOTDIR)
	s.fails(s.fs.MkdirAll(s.path("file")), syscall.ENOTDIR)
	s.fails(s.fs.MkdirAll(s.path("file/x")), syscall.ENOTDIR)
	s.ok(s.fs.SyncDir(s.dir))
	s.fails(s.fs.SyncDir(s.path("none")), fs.ErrNotExist)
}

func testRename(s *suite) {
	s.mkdir("d")
	f := s.put("a", "of a")
	s.ok(s.put("b", "of b").Close())
	s.ok(s.fs.Rename(s.path("a"), s.path("b")))
	s.named("b", "of a")
	s.list("", "b", "d")
	s.write(f, "still", 0)
	s.named("b", "still")
	s.ok(f.Close())
	s.ok(s.fs.Rename(s.path("b"), s.path("b")))
	s.ok(s.fs.Rename(s.path("b"), s.path("d/e")))
	s.named("d/e", "still")
	s.list("", "d")
	s.fails(s.fs.Rename(s.path("b"), s.path("c")), fs.ErrNotExist)
	s.fails(s.fs.Rename(s.path("d/e"), s.path("none/e")), fs.ErrNotExist)
	s.ok(s.fs.Rename(s.path("d"), s.path("d2")))
	s.named("d2/e", "still")
	s.mkdir("d3")
	s.ok(s.put("file", "").Close())
	if s.fs.Rename(s.path("file"), s.path("d3")) == nil {
		s.Error("a file replaced a directory")
	}
	if s.fs.Rename(s.path("d2"), s.path("file")) == nil {
		s.Error("a directory replaced a file")
	}
	if s.fs.Rename(s.path("d2"), s.path("d2/below")) == nil {
		s.Error("a directory went into itself")
	}
	s.list("", "d2", "d3", "file")
}

func testRemove(s *suite) {
	s.mkdir("d")
	s.ok(s.put("d/f", "x").Close())
	s.fails(s.fs.Remove(s.path("d")), syscall.ENOTEMPTY)
	s.fails(s.fs.Remove(s.path("none")), fs.ErrNotExist)
	s.ok(s.fs.Remove(s.path("d/f")))
	s.ok(s.fs.Remove(s.path("d")))
	s.list("")
}

func testRemovedButOpen(s *suite) {
	s.mkdir("")
	f := s.put("f", "old")
	s.ok(s.fs.Remove(s.path("f")))
	s.ok(s.put("f", "new").Close())
	s.content(f, "old")
	s.write(f, "er", 3)
	s.content(f, "older")
	s.named("f", "new")
	s.ok(f.Sync())
	s.ok(f.Close())
}

func testLock(s *suite) {
	_, err := s.fs.Lock(s.path(".lock"))
	s.fails(err, fs.ErrNotExist)
	s.mkdir("")
	l, err := s.fs.Lock(s.path(".lock"))
	s.ok(err)
	s.list("", ".lock")
	_, err = s.fs.Lock(s.path(".lock"))
	s.fails(err, ErrLocked)
	s.ok(l.Close())
	l, err = s.fs.Lock(s.path(".lock"))
	s.ok(err)
	s.ok(l.Close())
	s.fails(l.Close(), fs.ErrClosed)
}

func testClosed(s *suite) {
	s.mkdir("")
	f := s.put("f", "x")
	s.ok(f.Close())
	_, err := f.ReadAt(make([]byte, 1), 0)
	s.fails(err, fs.ErrClosed)
	_, err = f.WriteAt(make([]byte, 1), 0)
	s.fails(err, fs.ErrClosed)
	_, err = f.Size()
	s.fails(err, fs.ErrClosed)
	s.fails(f.Truncate(0), fs.ErrClosed)
	s.fails(f.Sync(), fs.ErrClosed)
	s.fails(f.SyncData(), fs.ErrClosed)
	s.fails(f.Close(), fs.ErrClosed)
}

func testUsage(s *suite) {
	s.mkdir("")
	u, err := s.fs.Usage(s.dir)
	s.ok(err)
	if u.Free <= 0 || u.Total < u.Free {
		s.Errorf("usage %+v", u)
	}
	_, err = s.fs.Usage(s.path("none"))
	s.fails(err, fs.ErrNotExist)
}

func testConcurrent(s *suite) {
	s.mkdir("")
	f := s.put("shared", "")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			part := bytes.Repeat([]byte{byte('a' + i)}, 3000)
			name := s.path(fmt.Sprint("own", i))
			for range 5 {
				own, err := s.fs.Create(name)
				if err != nil {
					s.Error(err)
					return
				}
				_, err = f.WriteAt(part, int64(i*3000))
				err = errors.Join(err, f.SyncData(), own.Close(), s.fs.Remove(name), s.fs.SyncDir(s.dir))
				got := make([]byte, 3000)
				if _, rerr := f.ReadAt(got, int64(i*3000)); rerr != nil && rerr != io.EOF || !bytes.Equal(got, part) {
					s.Error("own part reads differently", rerr)
				}
				if err != nil {
					s.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s.list("", "shared")
	s.ok(f.Close())
}

// testRandomWrites compares a file with a slice over random writes, truncations and syncs.
func testRandomWrites(s *suite) {
	s.mkdir("")
	f := s.put("f", "")
	var model []byte
	rng := newRand(1)
	for range 300 {
		size := rng.IntN(5 * BlockSize)
		switch rng.IntN(6) {
		case 0:
			s.ok(f.Truncate(int64(size)))
			model = append(model, make([]byte, max(0, size-len(model)))...)[:size]
		case 1:
			s.ok(f.SyncData())
		default:
			b := bytes.Repeat([]byte{byte(1 + rng.IntN(255))}, rng.IntN(2*BlockSize))
			s.write(f, string(b), int64(size))
			if len(b) > 0 {
				model = append(model, make([]byte, max(0, size+len(b)-len(model)))...)
			}
			copy(model[min(size, len(model)):], b)
		}
		s.content(f, string(model))
	}
	s.ok(f.Close())
}
