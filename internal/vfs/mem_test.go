package vfs

import (
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Goal: capacity, hook and clock of MemFS. Method: count blocks and calls.

func TestMemCapacity(t *testing.T) {
	s, m := memSuite(t)
	m.SetCapacity(4 * BlockSize)
	free := func(want int64) {
		t.Helper()
		u, err := m.Usage("/")
		s.ok(err)
		if u.Total != 4*BlockSize || u.Free != want*BlockSize {
			t.Errorf("usage %+v, want %d blocks free", u, want)
		}
	}
	f := s.put("f", strings.Repeat("x", BlockSize+1))
	free(2)
	n, err := f.WriteAt(make([]byte, 4*BlockSize), BlockSize)
	s.fails(err, syscall.ENOSPC)
	if n != 3*BlockSize {
		t.Errorf("wrote %d bytes before the disk was full", n)
	}
	free(0)
	s.write(f, "overwriting works", 0)
	s.ok(f.Sync())
	s.write(f, "still", 0)
	s.ok(f.Truncate(2 * BlockSize))
	free(2)
	s.ok(m.Remove("/f"))
	free(2) // still open
	s.ok(f.Close())
	free(4)
	g := s.put("g", "g")
	s.ok(g.Close())
	h := s.put("h", "h")
	s.ok(m.Rename("/g", "/h"))
	s.ok(h.Close())
	free(3)
	if u, _ := m.CrashClone(nil, CrashOptions{Unsynced: KeepUnsynced}).Usage("/"); u.Free != u.Total-BlockSize {
		t.Errorf("clone: %+v", u)
	}
}

func TestMemHookAndClock(t *testing.T) {
	s, m := memSuite(t)
	var calls []string
	m.SetHook(func(op Op, path string) { calls = append(calls, op.String()+" "+path) })
	f := s.put("f", "x")
	s.ok(f.Sync())
	s.ok(f.Close())
	s.ok(m.Rename("f", "/./g"))
	_, err := m.Open("none")
	s.fails(err, fs.ErrNotExist)
	m.SetHook(nil)
	s.ok(m.Remove("g"))
	want := []string{"create /f", "write /f", "sync /f", "close /f", "rename /g", "open /none"}
	if !slices.Equal(calls, want) || m.Ops() != 7 {
		t.Errorf("%d operations, hook saw %q", m.Ops(), calls)
	}
	at := time.Unix(1_700_000_000, 0)
	m.SetClock(func() time.Time { return at })
	s.put("h", "h")
	if info, _ := m.Stat("h"); !info.ModTime.Equal(at) {
		t.Errorf("modified at %v", info.ModTime)
	}
}
