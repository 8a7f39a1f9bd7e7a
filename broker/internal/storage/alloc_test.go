//go:build !race && !invariants

package storage

import (
	"encoding/binary"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestNoAllocations: appending, resolving a read at the tail and anywhere, and a round of the
// syncer allocate nothing once warm. Real files: the memory disk allocates its blocks.
func TestNoAllocations(t *testing.T) {
	dir, l := benchLog(t, Config{SegmentBytes: 1 << 20})
	p := makeBatch(4, 1000, 1, 0)
	zero := func(name string, f func()) {
		t.Helper()
		f()
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for range 500 {
		l.Append(p, 1, 1)
	}
	dir.SyncOnce()
	read := func(from int64) {
		s, err := l.Read(from, 100_000, l.LogEndOffset(), true)
		if err != nil || s.Len() == 0 {
			t.Fatal(err)
		}
		s.Close()
	}
	zero("append", func() {
		if _, err := l.Append(p, 1, 1); err != nil {
			t.Fatal(err)
		}
	})
	zero("read at the tail", func() { read(l.LogEndOffset() - 4) })
	i, tail := int64(0), (*l.segs.Load())[l.Segments()-1].base
	if l.Segments() < 2 || l.LogEndOffset() < tail+40 {
		t.Fatalf("%d segments, %d..%d", l.Segments(), tail, l.LogEndOffset())
	}
	zero("read in a sealed segment", func() { i += 37; read(i * 7919 % tail) })
	zero("read in the active segment", func() { i += 37; read(tail + i*7919%(l.LogEndOffset()-tail-8)) })

	d, m := openTestLog(t, vfs.NewMem(), Config{})
	q := makeBatch(1, 1, 1, 0)
	for range 3 {
		m.Append(q, 0, 1)
		d.SyncOnce()
	}
	zero("round", func() {
		m.mu.Lock()
		m.dirtyLocked(m.active())
		m.enqueueLocked(1)
		m.mu.Unlock()
		d.SyncOnce()
	})
}

// TestNoAllocationsOfProducers: the same for a client's append with a producer id, new or repeated.
func TestNoAllocationsOfProducers(t *testing.T) {
	dir, l := benchLog(t, Config{SegmentBytes: 1 << 24})
	b := sent{id: 5, n: 4}.batch()
	seq := int32(0)
	next := func() batch.Batch {
		binary.BigEndian.PutUint32(b[53:], uint32(seq)) // the log does not check the client's checksum again
		return b
	}
	send := func() {
		if o, err := l.AppendClient(next(), 0, 0); err != nil || o.Duplicate {
			t.Fatal(o, err)
		}
		seq += 4
	}
	again := func() {
		seq -= 4
		if o, err := l.AppendClient(next(), 0, 0); err != nil || !o.Duplicate {
			t.Fatal(o, err)
		}
		seq += 4
	}
	for range 300 {
		send()
	}
	dir.SyncOnce()
	for name, f := range map[string]func(){"append": send, "duplicate": again} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
