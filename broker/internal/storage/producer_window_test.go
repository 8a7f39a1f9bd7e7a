package storage

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestDuplicatesAfterRestart: each of the last five batches of a producer is found again, with its
// original offset and timestamp, after clean stops, kills, rolls and truncations; also if the window
// files are lost or spoiled, as far as the segment before tells (T-02).
func TestDuplicatesAfterRestart(t *testing.T) {
	fs := vfs.NewMem()
	cfg := Config{SegmentBytes: 250} // three batches
	d, l := openTestLog(t, fs, cfg)
	send := func(seq int32) {
		t.Helper()
		if _, err := l.AppendClient(sent{id: 1, seq: seq, ts: 1000 + int64(seq)}.batch(), 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	again := func(what string, last, n int32) {
		t.Helper()
		for seq := last; seq > last-n; seq-- {
			want := Outcome{int64(seq), int64(seq), 1000 + int64(seq), true}
			if o, err := l.AppendClient(sent{id: 1, seq: seq, ts: 5}.batch(), 1, 0); err != nil || o != want {
				t.Fatalf("%s: batch %d again: %+v, %v, want %+v", what, seq, o, err, want)
			}
		}
	}
	reopen := func() {
		t.Helper()
		d, l = openTestLog(t, fs, cfg)
	}
	stop := func() {
		t.Helper()
		if err := d.Close(true, 0); err != nil {
			t.Fatal(err)
		}
	}
	for seq := range int32(8) {
		send(seq)
	}
	for range 3 {
		stop()
		reopen()
		again("clean stop", 7, 5)
	}
	send(8)
	stop()
	reopen()
	again("one more", 8, 5)
	send(9) // begins a segment
	if segs := *l.segs.Load(); segs[len(segs)-1].base != 9 {
		t.Fatalf("active segment begins at %d", segs[len(segs)-1].base)
	}
	d.SyncOnce()
	fs = killed(fs)
	reopen()
	again("roll and kill", 9, 5)
	stop()
	reopen()
	again("roll and clean stop", 9, 5)
	for seq := range int32(8) {
		send(10 + seq)
	}
	d.SyncOnce()
	if err := l.TruncateTo(16); err != nil {
		t.Fatal(err)
	}
	again("truncation", 15, 5)
	stop()

	for what, spoil := range map[string]func([]byte) []byte{
		"lost": nil, "empty": func([]byte) []byte { return nil }, "spoiled": func(b []byte) []byte { b[30]++; return b },
	} {
		fs := killed(fs)
		windows := 0
		names, _ := fs.List(l.Path())
		for _, n := range names {
			if strings.HasSuffix(n, extWindow) {
				windows++
				content := fileBytes(t, fs, l.Path()+"/"+n)
				fs.Remove(l.Path() + "/" + n)
				if spoil != nil {
					putFile(t, fs, l.Path()+"/"+n, spoil(content))
				}
			}
		}
		d, l = openTestLog(t, fs, cfg)
		if windows == 0 {
			t.Fatal("there are no window files")
		}
		again(what, 15, 4) // in the segment that begins at 15 and in the one before
	}
}

// TestWindowBytes: what is encoded is read as the same; any spoiled bit, another length, another
// offset or another snapshot is refused and changes nothing.
func TestWindowBytes(t *testing.T) {
	var p producers
	for i := range int32(9) {
		b := sent{id: 5, epoch: 2, seq: i * 2, n: 2, ts: int64(100 - i)}.batch()
		b.SetBaseOffset(int64(i * 2))
		p.add(b, -1)
	}
	b := sent{id: 2, seq: 0}.batch()
	b.SetBaseOffset(18)
	p.add(b, -1)
	s := p.snapshotAt(19)
	if len(s.windows) != windowHeaderSize+windowEntrySize+5*windowBatchSize+4 {
		t.Fatalf("%d bytes", len(s.windows))
	}
	load := func(w []byte, at int64) (producers, error) {
		q, err := parseSnapshot(s.content, 19)
		if err != nil {
			t.Fatal(err)
		}
		return q, q.addWindows(w, at, s.content)
	}
	q, err := load(s.windows, 19)
	if err != nil || !bytes.Equal(q.snapshotAt(19).windows, s.windows) {
		t.Fatalf("%v", err)
	}
	refused := func(what string, w []byte, at int64) {
		t.Helper()
		if q, err := load(w, at); !errors.Is(err, errWindows) || q.encodeWindows(19, s.content) != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for bit := range len(s.windows) * 8 {
		w := bytes.Clone(s.windows)
		w[bit/8] ^= 1 << (bit % 8)
		refused("bit", w, 19)
	}
	for n := range s.windows {
		refused("cut", s.windows[:n], 19)
	}
	refused("longer", slices.Concat(s.windows, []byte{0}), 19)
	refused("other offset", s.windows, 20)
	var other producers
	other.add(b, -1)
	if q, err := parseSnapshot(other.encode(), 19); err != nil || !errors.Is(q.addWindows(s.windows, 19, other.encode()), errWindows) {
		t.Fatalf("windows of another snapshot: %v", err)
	}
}
