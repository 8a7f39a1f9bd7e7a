package clean

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// The hash is SipHash-2-4 with 128 bits: vectors of the authors' reference implementation (vectors.h),
// key 00 01 … 0f, inputs of 0, 1, 2, … bytes 00 01 02 ….
func TestHashVectors(t *testing.T) {
	var seed [16]byte
	for i := range seed {
		seed[i] = byte(i)
	}
	h := newHasher(seed)
	in := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8}
	for n, want := range map[int]string{
		0: "a3817f04ba25a8e66df67214c7550293",
		1: "da87c1d86b99af44347659119b22fc45",
	} {
		s := h.sum(in[:n])
		got := binary.LittleEndian.AppendUint64(nil, s.lo)
		got = binary.LittleEndian.AppendUint64(got, s.hi)
		if hex.EncodeToString(got) != want {
			t.Errorf("%d bytes: %x, want %s", n, got, want)
		}
	}
}

// Every bit of the key and the length count, under every seed differently.
func TestHashDependsOnAll(t *testing.T) {
	seen := map[hash]string{}
	note := func(h hash, what string) {
		if old, ok := seen[h]; ok {
			t.Fatalf("%s has the hash of %s", what, old)
		}
		seen[h] = what
	}
	for s := range 4 {
		h := newHasher([16]byte{byte(s)})
		for n := range 40 {
			key := make([]byte, n)
			note(h.sum(key), "zeros")
			for bit := range 8 * n {
				key[bit/8] ^= 1 << (bit % 8)
				note(h.sum(key), "a bit")
				key[bit/8] ^= 1 << (bit % 8)
			}
		}
	}
}

// The map against Go's, up to its limit, for several sizes and load factors, and used anew.
func TestOffsetMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var m offsetMap
	for _, load := range []float64{0.3, 0.9, 1} {
		for _, places := range []int64{2, 3, 17, 500, 4000} {
			m.reset(places*slotSize, load, 1<<40)
			limit := max(int(float64(places)*load), 1)
			if limit >= int(places) {
				limit = int(places) - 1
			}
			if m.limit != limit {
				t.Fatalf("%d places at %v take %d keys, want %d", places, load, m.limit, limit)
			}
			model := map[hash]int64{}
			for offset := range 3 * places {
				h := hash{rng.Uint64(), uint64(rng.IntN(3))}
				if n := rng.IntN(4); n == 0 {
					for k := range model { // any one
						h = k
						break
					}
				} else if n == 1 {
					h.lo = 1 << 63 // many with one home
				}
				_, known := model[h]
				if ok := m.put(h, offset); ok != (known || len(model) < limit) {
					t.Fatalf("put says %v with %d of %d keys, known %v", ok, len(model), limit, known)
				} else if ok {
					model[h] = offset
				}
			}
			for h, offset := range model {
				if got := m.get(h); got != offset {
					t.Fatalf("%d of %d: %d, want %d", len(model), places, got, offset)
				}
			}
			if m.n != len(model) || m.get(hash{5, 5}) != -1 {
				t.Fatalf("%d keys, want %d", m.n, len(model))
			}
		}
	}
}

// The map takes the memory that the round needs, and never more than its budget.
func TestOffsetMapSize(t *testing.T) {
	var m offsetMap
	m.reset(1<<20, 0.9, 100)
	if len(m.slots) > 170 || m.limit < 100 {
		t.Fatalf("%d places, limit %d, for 100 keys", len(m.slots), m.limit)
	}
	m.reset(1<<20, 0.9, 1<<40)
	if len(m.slots) != 1<<20/slotSize {
		t.Fatalf("%d places", len(m.slots))
	}
}
