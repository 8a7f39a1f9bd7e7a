package batch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// FuzzDamage overwrites bytes of a good batch, and cuts or lengthens it. Up to three bytes within the
// checksum's reach that really differ are always noticed; a batch that passes as stored has a right
// checksum, and one that passes as a client's has right records: no record comes out of a batch with a wrong one.
func FuzzDamage(f *testing.F) {
	var good []Batch
	for c := compress.None; c <= compress.Zstd; c++ {
		good = append(good, slices.Clone(build(f, BuilderOptions{Codec: c}, 5)))
		f.Add(byte(c), uint16(0), []byte{})
		f.Add(byte(c), uint16(posCRC), []byte{1, 2, 3, 4})
		f.Add(byte(c), uint16(HeaderSize+2), []byte{0xff})
	}
	r := lenient()
	r.Budget = compress.DefaultBudget(1 << 16)
	f.Fuzz(func(t *testing.T, which byte, at uint16, with []byte) {
		was := good[int(which)%len(good)]
		b := slices.Clone(was)
		pos := int(at) % (len(b) + 1)
		n := copy(b[pos:], with)
		if len(with) > n { // the rest follows the batch
			b = append(b, with[n:]...)
		}
		if which >= 128 {
			b = b[:pos]
		}
		stored := b.CheckStructure()
		if stored == nil && crc32.Checksum(b[posAttributes:], castagnoli) != binary.BigEndian.Uint32(b[posCRC:]) {
			t.Fatal("stored with a wrong checksum")
		}
		if same := bytes.Equal(b, was); !same && len(b) == len(was) && n <= 3 && pos >= posAttributes && stored == nil {
			t.Fatalf("%d bytes at %d are not noticed", n, pos)
		}
		var v Validator
		got, err := v.Client(b, r)
		if err != nil {
			reasonOf(t, err)
			return
		}
		if stored != nil || !got.VerifyCRC() {
			t.Fatalf("accepted from a client, but %v", stored)
		}
		var d compress.Decompressor
		plain, err := got.Plain(&d, nil, r.Budget)
		if err != nil {
			t.Fatal(err)
		}
		count, it := int32(0), IterateRecords(plain, got.NumRecords())
		for it.Next() {
			count++
		}
		if it.Err() != nil || count != got.NumRecords() {
			t.Fatalf("%d of %d records, %v", count, got.NumRecords(), it.Err())
		}
	})
}

// messageSet is a message set of magic 0 or 1 with one message for each value, every length and
// checksum right; with a codec above 0 the attributes say so, whatever the value is.
func messageSet(magic, codec byte, value []byte, n int) (set []byte) {
	for i := range n {
		body := []byte{magic, codec & 7}
		if magic == 1 {
			body = binary.BigEndian.AppendUint64(body, uint64(1_700_000_000_000+i))
		}
		body = binary.BigEndian.AppendUint32(body, 0xffffffff) // no key
		body = binary.BigEndian.AppendUint32(body, uint32(len(value)))
		body = append(body, value...)
		set = binary.BigEndian.AppendUint64(set, uint64(i))
		set = binary.BigEndian.AppendUint32(set, uint32(4+len(body)))
		set = binary.BigEndian.AppendUint32(set, crc32.ChecksumIEEE(body))
		set = append(set, body...)
	}
	return set
}

// FuzzMessageSet: well-formed message sets of magic 0 and 1, also with other bytes behind and over
// them, are refused from clients and on disk, the whole ones with the reason that clients of Kafka are told.
func FuzzMessageSet(f *testing.F) {
	f.Add(byte(0), byte(0), []byte("value"), byte(1), []byte{}, uint16(0))
	f.Add(byte(1), byte(3), []byte("value"), byte(2), []byte{}, uint16(0))
	f.Add(byte(1), byte(0), bytes.Repeat([]byte("v"), 50), byte(1), []byte{2}, uint16(posMagic))
	f.Add(byte(0), byte(1), []byte{}, byte(1), []byte("\x00\x00\x00\x31"), uint16(8))
	f.Fuzz(func(t *testing.T, magic, codec byte, value []byte, n byte, over []byte, at uint16) {
		set := messageSet(magic%2, codec, value, 1+int(n)%4)
		pos := int(at) % (len(set) + 1)
		set = append(set[:pos], append(over, set[min(pos+len(over), len(set)):]...)...)
		var v Validator
		_, err := v.Client(bytes.Clone(set), lenient())
		if err == nil {
			t.Fatalf("accepted: %x", set)
		}
		code, bad := reasonOf(t, err)
		whole := len(over) == 0 && len(set) >= HeaderSize && int(binary.BigEndian.Uint32(set[8:]))+LengthPrefix >= HeaderSize
		if whole && code != ReasonMagic {
			t.Fatalf("refused as %v", bad)
		}
		if len(set) > posMagic && set[posMagic] != Magic && Batch(set).CheckStructure() == nil {
			t.Fatal("a message set passes as a stored batch")
		}
	})
}
