package commitlog

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// reseal gives the header in b a good checksum.
func reseal(b []byte) {
	binary.BigEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
}

// FuzzReader reads any bytes as a file, with good checksums put in where an entry could begin, so that what
// comes behind a checksum is reached. No panic, no entry that goes past the file, and what is read
// is what is written when it is put together again.
func FuzzReader(f *testing.F) {
	m := vfs.NewMem()
	w := newRing(f, m, 3, 2)
	put(w, 1, 1, 100)
	put(w, 2, 5, 300)
	w.Add(Entry{Kind: Truncate, Log: testLog, Epoch: -1, Base: 4, Next: 4}, 0)
	commit(f, w)
	put(w, 4, 1, 61)
	commit(f, w)
	g, err := m.Open(testDir + "/" + filePrefix + "000")
	if err != nil {
		f.Fatal(err)
	}
	seed := make([]byte, 3*BlockSize)
	if _, err := g.ReadAt(seed, 0); err != nil {
		f.Fatal(err)
	}
	f.Add(seed, false)
	f.Add(seed, true)
	f.Add(seed[:BlockSize+70], true)
	f.Add(seed[:10], false)
	f.Fuzz(func(t *testing.T, raw []byte, mend bool) {
		content := bytes.Clone(raw)
		if len(raw) > 1<<20 {
			return
		}
		if mend && len(content) >= headerSize {
			mendAll(content)
		}
		v := vfs.NewMem()
		if err := v.MkdirAll(testDir); err != nil {
			t.Fatal(err)
		}
		h, err := v.Create(testDir + "/" + filePrefix + "000")
		if err == nil && len(content) > 0 {
			_, err = h.WriteAt(content, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(v, testDir+"/"+filePrefix+"000", testID)
		if err != nil || r == nil {
			return
		}
		at := int64(BlockSize)
		for {
			ok, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
			e, n := r.Entry(), len(r.Payload())
			if r.Position() < at || r.Position()+int64(EntryHeader+n) > int64(len(content)) {
				t.Fatalf("an entry of %d bytes at %d, after %d, of %d", n, r.Position(), at, len(content))
			}
			at = r.Position() + int64(EntryHeader+n)
			again := make([]byte, EntryHeader+n)
			e.put(again, n)
			copy(again[EntryHeader:], r.Payload())
			seal(again, r.header.generation, content[r.Position()+5]&flagLast != 0)
			if string(again) != string(content[r.Position():at]) {
				t.Fatalf("entry %+v reads as %x and writes as %x", e, content[r.Position():at], again)
			}
		}
	})
}

// mendAll puts good checksums where the header and a chain of entries would be.
func mendAll(content []byte) {
	reseal(content)
	for at := BlockSize; at+EntryHeader <= len(content); {
		b := content[at:]
		n := payloadSize(b)
		if n > int64(len(b)-EntryHeader) {
			return
		}
		b = b[:EntryHeader+n]
		last := b[5]&flagLast != 0
		binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
		at += len(b)
		if last {
			at = (at + BlockSize - 1) / BlockSize * BlockSize
		}
	}
}
