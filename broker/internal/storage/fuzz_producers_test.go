package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"runtime"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// allocated is how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// FuzzProducerSnapshot loads arbitrary bytes as a producer snapshot, with version, checksum and count made
// right if repair is set: what is accepted has each producer once, nothing at or above its offset, and is the
// same after being written and read again; loading costs a bounded amount.
func FuzzProducerSnapshot(f *testing.F) {
	var p producers
	for i := range int32(3) {
		p.add(sent{id: kafka.ProducerID(i), seq: i, n: 2, ts: 50, txn: i == 1}.batch(), -1)
	}
	f.Add(p.encode(), int64(10), false)
	f.Add(p.encode()[snapshotHeaderSize:], int64(2), true)
	f.Add(bytes.Repeat([]byte{0xff}, snapshotEntrySize), int64(1), true)
	f.Fuzz(func(t *testing.T, b []byte, offset int64, repair bool) {
		if repair {
			head := binary.BigEndian.AppendUint32([]byte{0, snapshotVersion, 0, 0, 0, 0}, uint32(len(b)/snapshotEntrySize))
			b = append(head, b[:len(b)/snapshotEntrySize*snapshotEntrySize]...)
			binary.BigEndian.PutUint32(b[2:], crc32.Checksum(b[6:], castagnoli))
		}
		var p producers
		var err error
		if n := allocated(func() { p, err = parseSnapshot(b, offset) }); n > 64*int64(len(b))+1<<20 {
			t.Fatalf("%d bytes cost %d", len(b), n)
		}
		if err != nil {
			if !errors.Is(err, errSnapshot) || len(p.list) > 0 {
				t.Fatalf("%d producers, %v", len(p.list), err)
			}
			return
		}
		for i := range p.list {
			e := &p.list[i]
			if p.find(e.id) != e || e.batches > 0 && e.batch.last >= offset || e.txnFirst >= offset || e.batch.delta < 0 {
				t.Fatalf("entry %+v of a snapshot at %d", e, offset)
			}
		}
		once := p.encode()
		again, err := parseSnapshot(once, offset)
		if err != nil || !bytes.Equal(again.encode(), once) {
			t.Fatalf("%x is read and written as %x, %v", b, once, err)
		}
	})
}

// seqModel is what a log must do with the batches of producers: a list of what it has taken, and nothing else.
type seqModel struct {
	taken []taken
	fresh int // those from here on came since the state was last loaded
}

type taken struct {
	sent
	base int64
}

func (b taken) last() int32 { return int32((int64(b.seq) + int64(b.n) - 1) & math.MaxInt32) }

// verdict is what may become of a batch: a duplicate of was, if not nil (only maybe, if its memory may have been
// lost in a restart), or else err, nil to append it.
func (m *seqModel) verdict(s sent) (was *taken, maybe bool, err error) {
	seen, epoch, last := 0, kafka.ProducerEpoch(-1), int32(-1)
	for i := len(m.taken) - 1; i >= 0; i-- {
		b := &m.taken[i]
		if b.id != s.id {
			continue
		}
		if epoch == -1 {
			epoch, last = b.epoch, b.last()
		}
		if b.epoch != epoch || seen == windowBatches {
			break
		}
		if b.epoch == s.epoch && b.seq == s.seq && b.n == s.n && was == nil {
			was, maybe = b, seen > 0 && i < m.fresh
		}
		seen++
	}
	switch {
	case epoch == -1:
	case s.epoch < epoch:
		err = ErrInvalidProducerEpoch
	case s.epoch > epoch && s.seq != 0, s.epoch == epoch && !follows(last, s.seq):
		err = ErrOutOfOrderSequence
	}
	return was, maybe, err
}

// FuzzSequences plays a script of batches, retries, gaps, new epochs, restarts, kills and truncations against a
// log and a naive model of T-02 to T-04: the same are appended, refused for the same reason, and found
// to be duplicates of the same place.
func FuzzSequences(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 2, 1, 0, 3, 0, 4, 2, 0, 0, 5, 2, 0, 1})
	f.Add([]byte{0, 1, 3, 0, 1, 3, 0, 1, 3, 0, 1, 3, 0, 1, 3, 0, 1, 3, 2, 1, 4, 2, 1, 5, 4, 2, 1, 0})
	f.Add([]byte{3, 0, 2, 3, 0, 1, 0, 0, 0, 6, 1, 0, 0, 0, 7, 0, 0, 0, 1, 2, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 150)]
		next := func() int {
			if len(script) == 0 {
				return 0
			}
			b := script[0]
			script = script[1:]
			return int(b)
		}
		cfg := Config{SegmentBytes: 400}
		fs := vfs.NewMem()
		d, l := openTestLog(t, fs, cfg)
		var m seqModel
		clock := int64(0)
		send := func(s sent) {
			was, maybe, want := m.verdict(s)
			end := l.LogEndOffset()
			o, err := l.AppendClient(s.batch(), 1, 0)
			switch {
			case was != nil && err == nil:
				if !o.Duplicate || o.BaseOffset != was.base || o.LastOffset != was.base+int64(was.n)-1 || o.MaxTimestamp != was.ts+int64(was.n)-1 {
					t.Fatalf("%+v: %+v, it was taken as %+v", s, o, was)
				}
			case was != nil && !maybe:
				t.Fatalf("%+v is not known as a duplicate of %+v: %v", s, was, err)
			case !errors.Is(err, want) || err == nil && o.Duplicate:
				t.Fatalf("%+v: %+v, %v; want %v", s, o, err, want)
			case err == nil:
				if o.BaseOffset != end {
					t.Fatalf("%+v at %d, the end was %d", s, o.BaseOffset, end)
				}
				m.taken = append(m.taken, taken{s, end})
				end += int64(s.n)
			}
			if l.LogEndOffset() != end {
				t.Fatalf("%+v: log end %d, want %d", s, l.LogEndOffset(), end)
			}
		}
		for len(script) > 0 {
			kind, s := next()%8, sent{id: kafka.ProducerID(next() % 3), n: 1 + next()%3, ts: clock}
			clock += 10
			var of []taken
			for _, b := range m.taken {
				if b.id == s.id {
					of = append(of, b)
				}
			}
			if n := len(of); n > 0 {
				s.epoch, s.seq = of[n-1].epoch, int32((int64(of[n-1].last())+1)&math.MaxInt32)
			} else if s.n == 3 {
				s.seq = math.MaxInt32 - 1
			}
			switch kind {
			case 0, 1:
				send(s)
			case 2: // one of the last seven once more
				if len(of) > 0 {
					again := of[max(len(of)-1-next()%7, 0)].sent
					send(again)
				}
			case 3: // a gap, or a part of a batch
				s.seq = int32((int64(s.seq) + int64(next()%5) - 2) & math.MaxInt32)
				send(s)
			case 4:
				s.epoch += kafka.ProducerEpoch(next()%3) - 1
				if s.epoch < 0 {
					continue
				}
				s.seq *= int32(next() % 2)
				send(s)
			case 5, 6:
				for d.SyncOnce() {
				}
				if kind == 5 {
					d.Close(true, 0)
				}
				fs = killed(fs)
				d, l = openTestLog(t, fs, cfg)
				m.fresh = len(m.taken)
			case 7:
				at := max(l.LogEndOffset()-int64(next()%8), 0)
				if err := l.TruncateTo(at); err != nil {
					t.Fatal(err)
				}
				cut := len(m.taken)
				for cut > 0 && m.taken[cut-1].base+int64(m.taken[cut-1].n) > at {
					cut--
				}
				if cut < len(m.taken) {
					m.taken, m.fresh = m.taken[:cut], cut
				}
			}
		}
	})
}
