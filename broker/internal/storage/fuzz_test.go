package storage

import (
	"bytes"
	"math"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// seedLog is the content of a small log file.
func seedLog(t testing.TB) []byte {
	_, l := openTestLog(t, vfs.NewMem(), Config{})
	return fill(t, l, 6)
}

// FuzzRecover opens a segment file of arbitrary bytes after an unclean stop: what is served is a
// prefix of it made of good batches, the rest is cut, and doing it again changes nothing (S-19).
func FuzzRecover(f *testing.F) {
	good := seedLog(f)
	f.Add(good)
	f.Add(good[:len(good)-7])
	f.Add(append(bytes.Clone(good), make([]byte, 100)...))
	f.Add(append(bytes.Clone(good), good...))
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := vfs.NewMem()
		d, l := openTestLog(t, fs, Config{IndexIntervalBytes: 64})
		name := l.Path() + "/00000000000000000000.log"
		d.Close(false, 0)
		putFile(t, fs, name, content)
		fs = killed(fs)
		var last []byte
		for range 2 {
			_, l = openTestLog(t, fs, Config{IndexIntervalBytes: 64})
			got := readAll(t, l, 0, math.MaxInt64)
			if !bytes.HasPrefix(content, got) || int64(len(got)) != l.Size() {
				t.Fatalf("served %d of %d bytes", len(got), len(content))
			}
			if bs := batches(t, got); len(bs) > 0 && bs[len(bs)-1].LastOffset()+1 != l.LogEndOffset() {
				t.Fatalf("log end %d", l.LogEndOffset())
			}
			if last != nil && !bytes.Equal(last, got) {
				t.Fatal("a second recovery gives something else")
			}
			last = append([]byte{}, got...)
			fs = killed(fs)
		}
	})
}

// FuzzIndex loads arbitrary bytes as index files: what is accepted is in order, inside the
// segment, and survives encoding.
func FuzzIndex(f *testing.F) {
	x := newIndex()
	for i := range uint32(5) {
		x.add(int64(i)*100, i*3, int64(i%3), 10)
	}
	f.Add(x.appendOffsets(nil), x.appendTimes(nil, true), int64(1000))
	f.Add(make([]byte, 64), make([]byte, 48), int64(100))
	f.Fuzz(func(t *testing.T, offsets, times []byte, size int64) {
		x, ok := parseIndex(offsets, times, size)
		if !ok {
			return
		}
		for i, e := range x.offsets {
			if int64(e.pos) >= size || i > 0 && (e.rel <= x.offsets[i-1].rel || e.pos <= x.offsets[i-1].pos) {
				t.Fatalf("entries %v", x.offsets)
			}
		}
		for i, e := range x.times[min(1, len(x.times)):] {
			if e.ts <= x.times[i].ts {
				t.Fatalf("times %v", x.times)
			}
		}
		if !bytes.HasPrefix(offsets, x.appendOffsets(nil)) || !bytes.HasPrefix(times, x.appendTimes(nil, false)) {
			t.Fatal("encoding gives other bytes")
		}
		x.keepBelow(100)
		x.floorEnd(50, 7)
		x.floorTime(9)
	})
}

// FuzzText reads arbitrary bytes as the text files of a data directory: what is accepted encodes
// to something that is read as the same.
func FuzzText(f *testing.F) {
	f.Add([]byte("0\n1\nt 0 5\n"))
	f.Add([]byte("0\n2\n0 0\n3 7\n"))
	f.Add(encodePartition(testTopic.ID))
	f.Add([]byte("cluster.id=a\nnode.id=1\nversion=1\n"))
	f.Add(encodeState(3, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := parseOffsets(b); err == nil {
			if again, err := parseOffsets(o.encode()); err != nil || len(again) != len(o) {
				t.Fatalf("offsets %v read as %v", o, again)
			}
		}
		if e, err := parseEpochs(b); err == nil {
			var c epochCache
			c.replace(e, false)
			content, _ := c.takeChanged(math.MaxInt64)
			if again, err := parseEpochs(content); err != nil || len(again) != len(c.fileLocked(math.MaxInt64)) {
				t.Fatalf("epochs %v read as %v, %v", e, again, err)
			}
		}
		if id, err := parsePartition(b); err == nil {
			if again, err := parsePartition(encodePartition(id)); err != nil || again != id {
				t.Fatalf("topic id %v read as %v", id, again)
			}
		}
		if m, err := parseMeta(b); err == nil && !m.directory.IsZero() {
			if again, err := parseMeta(m.encode()); err != nil || again != m {
				t.Fatalf("meta %v read as %v, %v", m, again, err)
			}
		}
		if r, s, err := parseState(b); err == nil && !bytes.Equal(encodeState(r, s), b) {
			t.Fatal("state encodes to other bytes")
		}
	})
}
