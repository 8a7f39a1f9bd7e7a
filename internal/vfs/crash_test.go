package vfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Goal: a crash clone may lose everything that was not made durable, in every way that a disk
// can, and never anything else. Method: fixed seeds; every outcome that the model allows must
// turn up (statistics), and none that it forbids (every clone is compared with the rules).

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func memSuite(t *testing.T) (*suite, *MemFS) {
	m := NewMem()
	return &suite{t, m, "/"}, m
}

// sees returns the content of a file in a clone, "-" if it is not there, "dir" for a directory.
func sees(m *MemFS, name string) string {
	info, err := m.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "-"
	case err != nil:
		panic(err)
	case info.Dir:
		return "dir"
	}
	f, err := m.Open(name)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	b := make([]byte, info.Size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		panic(err)
	}
	return string(b)
}

// outcomes counts what clones of 400 seeds show at some names, joined by spaces.
func outcomes(m *MemFS, o CrashOptions, names ...string) map[string]int {
	seen := map[string]int{}
	for seed := range uint64(400) {
		c := m.CrashClone(newRand(seed), o)
		var all []string
		for _, name := range names {
			all = append(all, sees(c, name))
		}
		seen[strings.Join(all, " ")]++
	}
	return seen
}

// wantOutcomes checks that exactly these turn up.
func wantOutcomes(t *testing.T, m *MemFS, names string, want ...string) {
	t.Helper()
	seen := outcomes(m, CrashOptions{}, strings.Fields(names)...)
	for _, w := range want {
		if seen[w] == 0 {
			t.Errorf("%s: never %q, only %v", names, w, seen)
		}
		delete(seen, w)
	}
	if len(seen) > 0 {
		t.Errorf("%s: unexpected %v", names, seen)
	}
}

func TestCrashFileNeedsItsName(t *testing.T) {
	s, m := memSuite(t)
	f := s.put("f", "data")
	s.ok(f.Sync())
	s.ok(f.SyncData())
	wantOutcomes(t, m, "/f", "data", "-")
	s.ok(m.SyncDir("/"))
	wantOutcomes(t, m, "/f", "data")
}

func TestCrashNameNeedsItsData(t *testing.T) {
	s, m := memSuite(t)
	f := s.put("f", "data")
	s.ok(m.SyncDir("/"))
	wantOutcomes(t, m, "/f", "data", "\x00\x00\x00\x00", "")
	s.ok(f.SyncData())
	s.write(f, "++", 4)
	wantOutcomes(t, m, "/f", "data++", "data\x00\x00", "data")
	s.ok(f.Sync())
	wantOutcomes(t, m, "/f", "data++")
}

func TestCrashExtremes(t *testing.T) {
	s, m := memSuite(t)
	f := s.put("f", "old")
	s.ok(f.Sync())
	s.ok(m.SyncDir("/"))
	s.write(f, "new and longer", 0)
	s.mkdir("d")
	s.ok(s.put("d/g", "g").Close())
	lost := m.CrashClone(nil, CrashOptions{Unsynced: LoseUnsynced})
	if got := sees(lost, "/f") + sees(lost, "/d"); got != "old-" {
		t.Errorf("with everything lost: %q", got)
	}
	kept := m.CrashClone(nil, CrashOptions{Unsynced: KeepUnsynced})
	if got := sees(kept, "/f") + sees(kept, "/d/g"); got != "new and longerg" {
		t.Errorf("with everything kept: %q", got)
	}
	// What a clone shows is durable in it.
	again := kept.CrashClone(nil, CrashOptions{Unsynced: LoseUnsynced})
	if got := sees(again, "/f") + sees(again, "/d/g"); got != "new and longerg" {
		t.Errorf("clone of the clone: %q", got)
	}
}

func TestCrashReplaceByRename(t *testing.T) {
	s, m := memSuite(t)
	old := s.put("f", "old")
	s.ok(old.Sync())
	s.ok(m.SyncDir("/"))
	f := s.put("f.tmp", "new")
	s.ok(f.SyncData())
	s.ok(m.Rename("/f.tmp", "/f"))
	wantOutcomes(t, m, "/f /f.tmp", "old -", "old new", "new -")
	// A second round on the same names never leaves neither.
	f = s.put("f.tmp", "newer")
	s.ok(f.SyncData())
	wantOutcomes(t, m, "/f /f.tmp", "old -", "old new", "new -", "new newer")
	s.ok(m.Rename("/f.tmp", "/f"))
	wantOutcomes(t, m, "/f /f.tmp", "old -", "old new", "new -", "new newer", "newer -")
	s.ok(m.SyncDir("/"))
	wantOutcomes(t, m, "/f /f.tmp", "newer -")
}

func TestCrashRenameWithoutSync(t *testing.T) {
	s, m := memSuite(t)
	s.put("f", "")
	s.put("g", "new")
	s.ok(m.SyncDir("/"))
	s.ok(m.Rename("/g", "/f"))
	wantOutcomes(t, m, "/f /g", "new -", "\x00\x00\x00 -", " -", " new", " \x00\x00\x00", " ")
}

func TestCrashRenameAcrossDirectories(t *testing.T) {
	s, m := memSuite(t)
	s.mkdir("a")
	s.ok(s.put("a/f", "f").Sync())
	s.ok(m.SyncDir("/a"))
	s.ok(m.SyncDir("/"))
	s.mkdir("b/c")
	s.ok(m.Rename("/a/f", "/b/c/g"))
	wantOutcomes(t, m, "/a/f /b /b/c /b/c/g", "f - - -", "f dir - -", "f dir dir -", "- dir dir f")
	s.ok(m.SyncDir("/a"))
	s.ok(m.Remove("/a"))
	s.ok(m.SyncDir("/b"))
	wantOutcomes(t, m, "/a /a/f /b /b/c/g", "dir f - -", "dir f dir -", "dir - dir f", "- - dir f")
	s.ok(m.SyncDir("/b/c"))
	wantOutcomes(t, m, "/a /a/f /b/c/g", "dir - f", "- - f")
	s.ok(m.SyncDir("/"))
	wantOutcomes(t, m, "/a /a/f /b/c/g", "- - f")
}

func TestCrashDirectoryNeedsItsName(t *testing.T) {
	s, m := memSuite(t)
	s.mkdir("a/b")
	s.ok(s.put("a/b/f", "f").Sync())
	s.ok(m.SyncDir("/a/b"))
	wantOutcomes(t, m, "/a /a/b /a/b/f", "- - -", "dir - -", "dir dir f")
	s.ok(m.SyncDir("/"))
	wantOutcomes(t, m, "/a /a/b /a/b/f", "dir - -", "dir dir f")
	s.ok(m.SyncDir("/a"))
	wantOutcomes(t, m, "/a /a/b /a/b/f", "dir dir f")
}

func TestCrashRemove(t *testing.T) {
	s, m := memSuite(t)
	s.mkdir("d")
	for _, name := range []string{"d/f", "d/g"} {
		s.ok(s.put(name, name).Sync())
	}
	s.ok(m.SyncDir("/d"))
	s.ok(m.SyncDir("/"))
	s.ok(m.Remove("/d/f"))
	wantOutcomes(t, m, "/d/f /d/g", "- d/g", "d/f d/g")
	s.ok(m.Remove("/d/g"))
	wantOutcomes(t, m, "/d/f /d/g", "- d/g", "d/f d/g", "d/f -", "- -")
	s.ok(m.Remove("/d"))
	wantOutcomes(t, m, "/d /d/f /d/g", "- - -", "dir - d/g", "dir d/f d/g", "dir d/f -", "dir - -")
	s.ok(m.SyncDir("/"))
	wantOutcomes(t, m, "/d /d/f /d/g", "- - -")
}

// TestCrashBlocks checks every sector of every clone of a file with synced, overwritten,
// truncated and appended blocks, and that every fate of a block turns up.
func TestCrashBlocks(t *testing.T) {
	const blocks = 6
	old, fresh := bytes.Repeat([]byte("o"), 4*BlockSize), bytes.Repeat([]byte("n"), 4*BlockSize+1000)
	s, m := memSuite(t)
	f := s.put("f", string(old))
	s.ok(f.SyncData())
	s.ok(m.SyncDir("/"))
	const from = BlockSize + 700 // blocks 1 to 5 are written, block 1 from within its sector 1
	s.write(f, string(fresh), from)
	fates := map[string]int{}
	sizes := map[int]int{}
	for seed := range uint64(3000) {
		o := CrashOptions{}
		if seed%2 == 0 {
			o.Blocks = BlockWeights{1, 1, 1, 1}
		}
		got := sees(m.CrashClone(newRand(seed), o), "/f")
		sizes[len(got)]++
		if !strings.HasPrefix(got, string(old[:from])) {
			t.Fatalf("seed %d: synced bytes that nobody wrote are gone", seed)
		}
		for b := 1; b < blocks && (b+1)*BlockSize <= len(got); b++ {
			fates[fmt.Sprintf("%d %s", b, fate(t, got[b*BlockSize:(b+1)*BlockSize], b))]++
		}
	}
	for b := 1; b < 5; b++ {
		kinds := []string{"new", "old", "zero", "torn front", "torn back"}
		if b == 4 {
			kinds = []string{"new", "zero", "torn front", "torn back"}
		}
		for _, kind := range kinds {
			if key := fmt.Sprintf("%d %s", b, kind); fates[key] < 20 {
				t.Errorf("block, fate %q: %d times of %v", key, fates[key], fates)
			}
		}
	}
	end := from + len(fresh)
	for size := range sizes {
		if size != 4*BlockSize && size != 5*BlockSize && size != end {
			t.Errorf("length %d", size)
		}
	}
	if len(sizes) != 3 {
		t.Errorf("lengths %v, want old, new and between", sizes)
	}
}

// fate names what became of a whole block, whose sectors are each old, new or zero.
func fate(t *testing.T, b string, number int) string {
	var sectors []byte
	for i := range sectorsPerBlock {
		c := b[i*SectorSize+SectorSize-1] // the end: sector 1 of block 1 is written from within
		if i > 1 || number > 1 {
			if b[i*SectorSize:(i+1)*SectorSize] != strings.Repeat(string(c), SectorSize) {
				t.Fatalf("block %d: a sector is mixed", number)
			}
		}
		sectors = append(sectors, c)
	}
	if number == 1 {
		sectors = slices.Delete(sectors, 0, 1) // not written
	}
	runs := string(slices.Compact(slices.Clone(sectors)))
	switch runs {
	case "n":
		return "new"
	case "o":
		return "old"
	case "\x00", "o\x00":
		return "zero"
	case "no", "n\x00":
		return "torn front"
	case "on", "\x00n":
		return "torn back"
	}
	t.Fatalf("block %d: sectors %q", number, sectors)
	return ""
}

func TestCrashAppendHistory(t *testing.T) {
	// Lengths between writes turn up too, for the kernel writes out when it likes.
	s, m := memSuite(t)
	f := s.put("f", "")
	s.ok(m.SyncDir("/"))
	s.write(f, "aa", 0)
	s.write(f, "bb", 2)
	s.write(f, "cc", 4)
	seen := outcomes(m, CrashOptions{}, "/f")
	for _, want := range []string{"", "aa", "aabb", "aabbcc"} {
		if seen[want] == 0 {
			t.Errorf("never %q in %v", want, seen)
		}
	}
}

func TestCrashTruncate(t *testing.T) {
	s, m := memSuite(t)
	f := s.put("f", "0123456789")
	s.ok(f.Sync())
	s.ok(m.SyncDir("/"))
	s.ok(f.Truncate(4))
	seen := outcomes(m, CrashOptions{}, "/f")
	for got := range seen {
		if len(got) != 4 && len(got) != 10 || !strings.HasPrefix(got, "0123") {
			t.Errorf("after a truncation: %q", got)
		}
	}
	s.ok(f.Sync())
	wantOutcomes(t, m, "/f", "0123")
	_, err := m.Create("/f")
	s.ok(err)
	wantOutcomes(t, m, "/f", "0123", "\x00\x00\x00\x00", "")
}

// TestCrashAfterFailedSync: what a failed sync was to write is not written by the next one.
func TestCrashAfterFailedSync(t *testing.T) {
	m := NewMem()
	e := WithErrors(m, MustRules("op=syncdata nth=2 err=EIO")...)
	s := &suite{t, e, "/"}
	f := s.put("f", "old")
	s.ok(f.SyncData())
	s.ok(e.SyncDir("/"))
	s.write(f, "new", 0)
	s.fails(f.SyncData(), syscall.EIO)
	s.ok(f.SyncData()) // the forbidden retry, which says yes
	s.content(f, "new")
	seen := outcomes(m, CrashOptions{}, "/f")
	if seen["old"] == 0 {
		t.Errorf("a retried sync made the data durable: %v", seen)
	}
	if got := sees(m.CrashClone(nil, CrashOptions{Unsynced: LoseUnsynced}), "/f"); got != "old" {
		t.Errorf("with everything unsynced lost: %q", got)
	}
	s.write(f, "N", 0) // dirty again: the page is written whole
	s.ok(f.SyncData())
	wantOutcomes(t, m, "/f", "New")
}

func TestCrashCloneIsIndependent(t *testing.T) {
	s, m := memSuite(t)
	f := s.put("f", strings.Repeat("x", 10_000))
	s.ok(f.Sync())
	s.write(f, "dirty", 5000)
	s.ok(m.SyncDir("/"))
	lock, err := m.Lock("/lock")
	s.ok(err)
	before := sees(m, "/f")
	c := m.CrashClone(nil, CrashOptions{Unsynced: KeepUnsynced})
	cs := &suite{t, c, "/"}
	if l, err := c.Lock("/lock"); err != nil {
		t.Errorf("the clone is locked: %v", err)
	} else {
		l.Close()
	}
	g, err := c.OpenReadWrite("/f")
	s.ok(err)
	cs.write(g, "clone", 0)
	cs.write(g, "clone", 5000)
	cs.content(g, "clone"+before[5:5000]+"clone"+before[5005:])
	if sees(m, "/f") != before {
		t.Error("a write to the clone reached the original")
	}
	s.write(f, "orig", 9000)
	cs.content(g, "clone"+before[5:5000]+"clone"+before[5005:])
	s.ok(c.Remove("/f"))
	s.named("f", before[:9000]+"orig"+before[9004:])
	_, err = m.Lock("/lock")
	s.fails(err, ErrLocked)
	s.ok(lock.Close())
}

func TestCrashCloneRepeats(t *testing.T) {
	dump := func(seed uint64) string {
		m := NewMem()
		churn(t, m, newRand(1), 300)
		return show(m.CrashClone(newRand(seed), CrashOptions{}))
	}
	if a, b := dump(4), dump(4); a != b {
		t.Error("the same seed gave two clones")
	}
	if dump(4) == dump(5) {
		t.Error("two seeds gave the same clone")
	}
}

// TestCrashEveryOperation is the way users go: a protocol, a crash after each of its operations.
// The protocol replaces a file atomically; at every moment a reader finds the old or the new
// value, and the new one once it was acknowledged.
func TestCrashEveryOperation(t *testing.T) {
	m := NewMem()
	s := &suite{t, m, "/"}
	acked, next, clones := "", "", 0
	m.SetHook(func(op Op, path string) {
		for seed := range uint64(40) {
			got := sees(m.CrashClone(newRand(seed), CrashOptions{}), "/value")
			if clones++; got != next && got != acked && !(acked == "" && got == "-") {
				t.Fatalf("after %v of %s a crash shows %q; acknowledged is %q, next %q", op, path, got, acked, next)
			}
		}
	})
	for i := range 5 {
		next = fmt.Sprint("value ", i)
		f := s.put("value.tmp", next)
		s.ok(f.SyncData())
		s.ok(f.Close())
		s.ok(m.Rename("/value.tmp", "/value"))
		s.ok(m.SyncDir("/"))
		acked = next
	}
	m.SetHook(nil)
	if want := 5 * 6 * 40; clones != want {
		t.Errorf("%d clones were checked, want %d", clones, want)
	}
}
