package commitlog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const testDir = "/data"

var (
	testID  = kafka.MakeUUID([16]byte{9})
	testLog = Log{Topic: kafka.MakeUUID([16]byte{1}), Partition: 3}
)

func newRing(t testing.TB, v vfs.FS, blocks, files int) *Writer {
	t.Helper()
	if err := v.MkdirAll(testDir); err != nil {
		t.Fatal(err)
	}
	if err := v.SyncDir("/"); err != nil {
		t.Fatal(err)
	}
	return NewWriter(Options{FS: v, Dir: testDir, Directory: testID, FileBytes: int64(blocks) * BlockSize, MaxFiles: files})
}

// put adds an append of n offsets with a payload that tells it.
func put(w *Writer, base int64, n, size int) {
	p := w.Add(Entry{Kind: Append, Log: testLog, Epoch: 5, Base: base, Next: base + int64(n)}, size)
	copy(p, payloadOf(base, size))
}

func payloadOf(base int64, size int) []byte {
	return bytes.Repeat([]byte{byte(base) | 1}, size)
}

func commit(t testing.TB, w *Writer) {
	t.Helper()
	if err := w.Prepare(); err != nil && !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// find reads everything that is there.
func find(t testing.TB, v vfs.FS) (entries []Entry, damaged bool) {
	t.Helper()
	names, err := v.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Find(v, testDir, names, testID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, r := range f.Files {
		for {
			ok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			e := r.Entry()
			if e.Kind == Append && !bytes.Equal(r.Payload(), payloadOf(e.Base, len(r.Payload()))) {
				t.Fatalf("%s at %d: the payload is not that of %d", r.Name(), r.Position(), e.Base)
			}
			entries = append(entries, e)
		}
		damaged = damaged || r.Damaged()
	}
	return entries, damaged
}

func bases(entries []Entry) []int64 {
	var out []int64
	for _, e := range entries {
		out = append(out, e.Base)
	}
	return out
}

// powerCut is what is left of everything that was not synced: nothing.
func powerCut(m *vfs.MemFS) *vfs.MemFS {
	return m.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
}

// TestRing writes, recycles and reads: after every commit a power cut leaves what was committed in
// the files that count, in order.
func TestRing(t *testing.T) {
	m := vfs.NewMem()
	w := newRing(t, m, 4, 3) // three blocks of entries in each of three files
	var want []int64
	for i := range int64(40) {
		for w.Prepare() == ErrFull {
			t.Fatalf("write %d: full with %d of %d used", i, w.Used(), w.Size())
		}
		put(w, i*10, 10, 100)
		put(w, i*10+5, 5, 3000)
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		want = append(want, i*10, i*10+5)
		if g := w.Generation(); g > 2 {
			w.Free(g - 1) // the file before the present one
		}
		got, damaged := find(t, powerCut(m))
		if n := len(got); damaged || n < 8 && n < len(want) || !slices.Equal(bases(got), want[len(want)-n:]) {
			t.Fatalf("write %d: found %v, damaged %v", i, bases(got), damaged)
		}
	}
	if names, _ := m.List(testDir); len(names) != 3 {
		t.Fatalf("files %v", names)
	}
	if w.Used() != 2*4*BlockSize {
		t.Fatalf("%d bytes in use", w.Used())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFull: without a free file nothing is written over, and a write that still fits into the present
// file goes on.
func TestFull(t *testing.T) {
	m := vfs.NewMem()
	w := newRing(t, m, 3, 2)
	if !w.Empty() || w.Room() != 0 {
		t.Fatal("a new ring has files")
	}
	var want []int64
	for i := range int64(4) {
		put(w, i, 1, 100)
		commit(t, w)
		want = append(want, i)
	}
	if err := w.Prepare(); !errors.Is(err, ErrFull) || w.Room() != 0 {
		t.Fatalf("prepare: %v, room for %d", err, w.Room())
	}
	put(w, 9, 1, 100)
	if err := w.Commit(); !errors.Is(err, ErrFull) || w.Added() != 0 {
		t.Fatalf("commit: %v", err)
	}
	if got, _ := find(t, powerCut(m)); !slices.Equal(bases(got), want) {
		t.Fatalf("found %v", bases(got))
	}
	w.Free(2) // the first file
	if w.Room() != w.Capacity() || w.Prepare() != nil {
		t.Fatalf("room for %d after a file was freed", w.Room())
	}
	put(w, 10, 1, w.Capacity()-EntryHeader)
	commit(t, w)
	if got, _ := find(t, powerCut(m)); !slices.Equal(bases(got), []int64{2, 3, 10}) {
		t.Fatalf("found %v", bases(got))
	}
	w.Free(w.Generation() + 1) // all of it, the present one too
	put(w, 11, 1, 100)
	commit(t, w)
	if got, _ := find(t, powerCut(m)); !slices.Equal(bases(got), []int64{10, 11}) {
		t.Fatalf("found %v", bases(got))
	}
}

// TestTornAnywhere spoils the last write at every byte, and cuts it there: what was committed before is read, and
// of the last write only whole entries in front of the place.
func TestTornAnywhere(t *testing.T) {
	m := vfs.NewMem()
	w := newRing(t, m, 4, 2)
	put(w, 1, 1, 100)
	commit(t, w)
	for i := range int64(3) {
		put(w, 2+i, 1, 61+int(i))
	}
	commit(t, w)
	name := testDir + "/" + filePrefix + "000"
	f, err := m.OpenReadWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	whole := make([]byte, 4*BlockSize)
	if _, err := f.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	begin := 2 * BlockSize
	ends := []int{begin, begin + 125, begin + 125 + 126, begin + 125 + 126 + 127}
	for at := begin; at < ends[3]; at++ {
		intact := int64(1)
		for intact < 3 && at >= ends[intact] {
			intact++
		}
		var want []int64
		for i := range intact {
			want = append(want, 1+i)
		}
		for bit := range 8 {
			spoiled := bytes.Clone(whole)
			spoiled[at] ^= 1 << bit
			expect(t, m, f, spoiled, want, fmt.Sprintf("bit %d of byte %d", bit, at))
		}
		torn := bytes.Clone(whole)
		clear(torn[at:])
		if !bytes.Equal(torn, whole) {
			expect(t, m, f, torn, want, fmt.Sprintf("zeros from %d", at))
		}
	}
	for n := range headerSize {
		spoiled := bytes.Clone(whole)
		spoiled[n] ^= 4
		expect(t, m, f, spoiled, nil, fmt.Sprintf("byte %d of the header", n))
	}
	expect(t, m, f, whole, []int64{1, 2, 3, 4}, "nothing")
}

func expect(t *testing.T, m *vfs.MemFS, f vfs.File, content []byte, want []int64, what string) {
	t.Helper()
	if _, err := f.WriteAt(content, 0); err != nil {
		t.Fatal(err)
	}
	if got, _ := find(t, m); !slices.Equal(bases(got), want) {
		t.Fatalf("%s spoiled: read %v, want %v", what, bases(got), want)
	}
}

// TestCrashAtEveryWrite crashes at every operation of a ring that is recycled, with part of what was not
// synced lost: what was committed and is not freed is there, and nothing that was not written in this order.
func TestCrashAtEveryWrite(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	m := vfs.NewMem()
	w := newRing(t, m, 3, 3)
	durable, freed := int64(0), int64(0) // writes
	first := map[uint64]int64{}          // of a generation
	m.SetHook(func(op vfs.Op, _ string) {
		if op != vfs.OpWrite && op != vfs.OpSyncData {
			return
		}
		for range 4 {
			got, damaged := find(t, m.CrashClone(rng, vfs.CrashOptions{}))
			for i, e := range got {
				if i > 0 && e.Base != got[i-1].Base+1 {
					t.Fatalf("durable %d: found %v", durable, bases(got))
				}
			}
			if n := len(got); damaged || durable > freed && (n == 0 || got[0].Base > freed || got[n-1].Base < durable-1) {
				t.Fatalf("durable %d to %d: found %v, damaged %v", freed, durable, bases(got), damaged)
			}
		}
	})
	for i := range int64(60) {
		if err := w.Prepare(); err != nil {
			t.Fatal(err)
		}
		put(w, i, 1, 100+rng.IntN(3800))
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		durable = i + 1
		if g := w.Generation(); first[g] == 0 {
			first[g] = i
			if g > 2 {
				freed = first[g-1]
				w.Free(g - 1)
			}
		}
	}
}

// TestNoRoom: a file that cannot be made leaves nothing behind, and a write without room is followed by
// nothing in its file.
func TestNoRoom(t *testing.T) {
	m := vfs.NewMem()
	rules := vfs.MustRules("op=write err=ENOSPC nth=1\nop=write err=short short nth=5")
	w := newRing(t, vfs.WithErrors(m, rules...), 4, 3)
	if err := w.Prepare(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("prepare: %v", err)
	}
	if names, _ := m.List(testDir); len(names) != 0 || !w.Empty() {
		t.Fatalf("left %v", names)
	}
	put(w, 1, 1, 100)
	commit(t, w) // the second and third write
	put(w, 2, 1, 3*BlockSize-EntryHeader)
	if err := w.Prepare(); err != nil { // the fourth
		t.Fatal(err)
	}
	if err := w.Commit(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("commit: %v", err)
	}
	put(w, 3, 1, 100)
	commit(t, w)
	if got, damaged := find(t, powerCut(m)); damaged || !slices.Equal(bases(got), []int64{1, 3}) {
		t.Fatalf("found %v, damaged %v", bases(got), damaged)
	}
}

// TestRemovedFromTheOldest: whatever is left of a ring whose removal was interrupted is its end, or nothing.
func TestRemovedFromTheOldest(t *testing.T) {
	m, rng := vfs.NewMem(), rand.New(rand.NewPCG(3, 4))
	w := newRing(t, m, 2, 3)
	for base := range int64(5) { // in the files 0, 1, 2, 0, 1
		put(w, base, 1, 100)
		commit(t, w)
		w.Free(uint64(max(base, 1)))
	}
	names, err := m.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Find(m, testDir, names, testID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	left := map[int]bool{}
	m.SetHook(func(vfs.Op, string) {
		for range 8 {
			got, _ := find(t, m.CrashClone(rng, vfs.CrashOptions{}))
			if left[len(got)] = true; len(got) > 0 && got[len(got)-1].Base != 4 {
				t.Errorf("left are %v", bases(got))
			}
		}
	})
	if err := f.Remove(m, testDir); err != nil {
		t.Fatal(err)
	}
	m.SetHook(nil)
	if len(left) != 4 {
		t.Errorf("only %v files were left at some time", left)
	}
}

// TestOldestIsWhatACrashBringsBack: a file whose recycling was not made durable counts with what it had before.
func TestOldestIsWhatACrashBringsBack(t *testing.T) {
	m := vfs.NewMem()
	w := newRing(t, vfs.WithErrors(m, vfs.MustRules("op=write err=short short sticky nth=5")...), 2, 2)
	for base := range int64(2) { // two writes for making the files, two for the entries
		put(w, base, 1, 100)
		commit(t, w)
	}
	w.Free(3)
	for range 2 {
		put(w, 2, 1, 100)
		if err := w.Commit(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if got := w.Oldest(); got != 1 {
			t.Errorf("the oldest generation is %d, want 1", got)
		}
	}
	if got, _ := find(t, m.CrashClone(rand.New(rand.NewPCG(1, 2)), vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})); len(got) != 2 {
		t.Errorf("a crash brings back %v, want both entries", got)
	}
}

// TestDamaged: a file whose successor tells that more was written than can be read is reported.
func TestDamaged(t *testing.T) {
	m := vfs.NewMem()
	w := newRing(t, m, 3, 3)
	for i := range int64(6) {
		put(w, i, 1, 100)
		commit(t, w)
	}
	if _, damaged := find(t, m); damaged {
		t.Fatal("damaged before anything was spoiled")
	}
	f, err := m.OpenReadWrite(testDir + "/" + filePrefix + "001")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{7}, 2*BlockSize+80); err != nil {
		t.Fatal(err)
	}
	if got, damaged := find(t, m); !damaged || !slices.Equal(bases(got), []int64{0, 1, 2, 4, 5}) {
		t.Fatalf("found %v, damaged %v", bases(got), damaged)
	}
}

// TestForeign: another directory's files are not read, and another version is refused (S-01).
func TestForeign(t *testing.T) {
	m := vfs.NewMem()
	w := newRing(t, m, 3, 2)
	put(w, 1, 1, 100)
	commit(t, w)
	names, _ := m.List(testDir)
	f, err := Find(m, testDir, names, kafka.MakeUUID([16]byte{8}))
	if err != nil || len(f.Files) != 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	b := make([]byte, BlockSize)
	h := header{generation: 1, length: 3 * BlockSize, directory: testID}
	h.put(b)
	b[5] = 2
	h2 := bytes.Clone(b)
	reseal(h2)
	g, _ := m.OpenReadWrite(testDir + "/" + names[0])
	if _, err := g.WriteAt(h2, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(m, testDir, names, testID); !errors.Is(err, ErrVersion) {
		t.Fatalf("version 2: %v", err)
	}
	if _, err := g.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := Find(m, testDir, names, testID); err != nil || len(f.Files) != 0 {
		t.Fatalf("a torn header: %+v, %v", f, err)
	}
}

// TestFile: a replay file is there whole or not at all, and reads as it was written.
func TestFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	m := vfs.NewMem()
	newRing(t, m, 3, 2)
	name := ReplayName(testLog)
	if l, ok := parseReplayName(name); !ok || l != testLog {
		t.Fatalf("%s is of %v", name, l)
	}
	for _, other := range []string{name + ".tmp", name[:len(name)-2], replayPrefix + "x", name + "x", name[:len(name)-1] + "03"} {
		if _, ok := parseReplayName(other); ok {
			t.Fatalf("%s is a replay file", other)
		}
	}
	whole := false
	try := func() {
		c := m.CrashClone(rng, vfs.CrashOptions{})
		names, _ := c.List(testDir)
		f, err := Find(c, testDir, names, testID)
		if err != nil || len(f.Files) != 0 {
			t.Fatal(f, err)
		}
		if len(f.Replays) == 0 {
			if whole {
				t.Fatal("it is gone")
			}
			return
		}
		r, err := Open(c, testDir+"/"+name, testID)
		if err != nil || r == nil {
			t.Fatal(r, err)
		}
		defer r.Close()
		n := int64(0)
		for ; ; n++ {
			ok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if r.Entry().Base != n || !bytes.Equal(r.Payload(), payloadOf(n, 30_000)) {
				t.Fatalf("entry %d is %+v", n, r.Entry())
			}
		}
		if n != 50 {
			t.Fatalf("%d entries", n)
		}
	}
	m.SetHook(func(vfs.Op, string) { try() })
	f, err := Create(m, testDir+"/"+name, testID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(50) {
		f.Add(Entry{Kind: Append, Log: testLog, Base: i, Next: i + 1}, payloadOf(i, 30_000))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir(testDir); err != nil {
		t.Fatal(err)
	}
	whole = true
	try()
}

// TestFold is the table of what entries leave.
func TestFold(t *testing.T) {
	f := func(want string, entries ...Entry) {
		t.Helper()
		var h History
		for i, e := range entries {
			if e.Kind != Append {
				e.Next = e.Base
			}
			h.Add(e, 0, int64(i))
		}
		got := ""
		for _, p := range h.Pieces {
			got += fmt.Sprintf("%d-%d@%d ", p.Base, p.End(), p.Position)
		}
		if got += fmt.Sprintf("start %d", h.Start); h.Gone {
			got += " gone"
		}
		if got != want {
			t.Errorf("%v leave %q, want %q", entries, got, want)
		}
	}
	a := func(base, next int64) Entry { return Entry{Kind: Append, Base: base, Next: next} }
	c := func(kind Kind, base int64) Entry { return Entry{Kind: kind, Base: base} }
	f("start 0")
	f("0-10@0 10-20@1 start 0", a(0, 10), a(10, 20))
	f("0-10@0 30-40@1 start 0", a(0, 10), a(30, 40))
	f("0-10@0 start 0", a(0, 10), a(10, 20), c(Truncate, 10))
	f("0-10@0 10-15@1 start 0", a(0, 10), a(10, 20), c(Truncate, 15))
	f("0-10@0 10-15@1 15-18@3 start 0", a(0, 10), a(10, 20), c(Truncate, 15), a(15, 18))
	f("0-10@0 10-12@1 start 0", a(0, 10), a(10, 20), c(Truncate, 15), c(Truncate, 12), c(Truncate, 18))
	f("start 0", a(5, 10), c(Truncate, 3))
	f("0-5@0 5-8@2 start 0", a(0, 10), a(10, 20), a(5, 8)) // as after the same files were folded twice
	f("0-10@2 10-20@3 start 0", a(0, 10), a(10, 20), a(0, 10), a(10, 20))
	f("0-10@0 start 7", a(0, 10), c(Start, 7))
	f("0-10@0 start 10", a(0, 10), c(Start, 10), c(Start, 7))
	f("start 0 gone", a(0, 10), c(Start, 7), c(Delete, 0))
	f("0-4@2 start 0", a(0, 10), c(Delete, 0), a(0, 4))
	f("50-60@3 start 0", a(0, 10), c(Start, 7), c(Reset, 50), a(50, 60))
	var h History
	h.Add(a(0, 10), 0, 0)
	h.Add(a(10, 20), 0, 1)
	h.Add(c(Truncate, 15), 0, 2)
	for below, want := range map[int64]int{9: 2, 10: 1, 14: 1} { // order-free: each on a copy
		g := History{Pieces: slices.Clone(h.Pieces)}
		if g.Drop(below); len(g.Pieces) != want {
			t.Errorf("%d pieces above %d, want %d", len(g.Pieces), below, want)
		}
	}
	if h.Drop(15); len(h.Pieces) != 0 {
		t.Errorf("left %v", h.Pieces)
	}
}
