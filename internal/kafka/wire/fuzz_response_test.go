package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzResponseHeader: the head of an answer to any key and version is what kmsg's clients expect, and the head
// of an arbitrary answer is the one that was written.
func FuzzResponseHeader(f *testing.F) {
	everyVersion(func(key, version int16) { f.Add(key, version, int32(key)<<16|int32(version)) })
	f.Add(int16(-1), int16(0), int32(-1))
	f.Add(int16(18), int16(99), int32(1<<31-1))
	f.Fuzz(func(t *testing.T, key, version int16, correlation int32) {
		b := AppendResponseHeader([]byte("x"), key, version, correlation)
		if len(b)-1 != ResponseHeaderSize(key, version) || b[0] != 'x' || int32(binary.BigEndian.Uint32(b[1:])) != correlation {
			t.Fatalf("%x", b)
		}
		if !Known(key, version) {
			return
		}
		k := kmsg.ResponseForKey(key)
		k.SetVersion(version)
		if flexible := k.IsFlexible() && key != keyAPIVersions; flexible != (len(b) == 6) || len(b) == 6 && b[5] != 0 {
			t.Fatalf("key %d version %d: %x, flexible %v", key, version, b, flexible)
		}
	})
}

// endlessTags says whether a body may tell kmsg of 2^22 tagged fields or more: it counts them down one by one, past the
// end of the body as well, which takes a minute for 2^32. Our own requests are guarded by Check.
func endlessTags(body []byte) bool {
	for i := range body {
		if n, size := binary.Uvarint(body[i:]); size >= 4 && size <= 5 && n >= 1<<22 && n < 1<<32 {
			return true
		}
	}
	return false
}

// FuzzResponseBody: whatever body an answer of any API has, reading it ends, but for those with endless tags;
// what is read is written and read again as the same.
func FuzzResponseBody(f *testing.F) {
	r := newRandomizer(23)
	everyVersion(func(key, version int16) {
		k := kmsg.ResponseForKey(key)
		r.fillStruct(valueOf(k))
		k.SetVersion(version)
		f.Add(byte(key), byte(version), k.AppendTo(nil))
	})
	f.Fuzz(func(t *testing.T, k, v byte, body []byte) {
		key := int16(k) % (MaxKey + 1)
		low, high, ok := Versions(key)
		if !ok || len(body) > 4096 { // a client's decoder makes arrays of up to one element for each byte
			return
		}
		version := low + int16(v)%(high-low+1)
		first := kmsg.ResponseForKey(key)
		first.SetVersion(version)
		if first.IsFlexible() && endlessTags(body) || first.ReadFrom(body) != nil {
			return
		}
		again, second := first.AppendTo(nil), kmsg.ResponseForKey(key)
		second.SetVersion(version)
		if err := second.ReadFrom(again); err != nil {
			t.Fatalf("key %d version %d: written as %x: %v", key, version, again, err)
		}
		if third := second.AppendTo(nil); !bytes.Equal(again, third) {
			t.Fatalf("key %d version %d: %x became %x", key, version, again, third)
		}
	})
}
