package history

// table interns pairs of numbers to dense ids from 0, with open addressing over flat arrays:
// 24 to 32 bytes per pair and no pointers.
type table struct {
	a     []uint32
	b     []int64
	slots []uint32 // id + 1, or 0 when free; the length is a power of two
}

func hashPair(a uint32, b int64) uint64 {
	h := (uint64(b) ^ uint64(a)<<32 ^ uint64(a)) * 0x9e3779b97f4a7c15
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// id returns the id of a pair, which is new if known is false.
func (t *table) id(a uint32, b int64) (id uint32, known bool) {
	if len(t.a)*4 >= len(t.slots)*3 {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := hashPair(a, b) & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			t.a, t.b = append(t.a, a), append(t.b, b)
			t.slots[i] = uint32(len(t.a))
			return uint32(len(t.a) - 1), false
		}
		if t.a[s-1] == a && t.b[s-1] == b {
			return s - 1, true
		}
	}
}

func (t *table) grow() {
	t.slots = make([]uint32, max(16, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1)
	for id := range t.a {
		i := hashPair(t.a[id], t.b[id]) & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = uint32(id + 1)
	}
}

func (t *table) len() int { return len(t.a) }

// find returns the id of a pair that is known.
func (t *table) find(a uint32, b int64) (id uint32, known bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := hashPair(a, b) & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if s := t.slots[i] - 1; t.a[s] == a && t.b[s] == b {
			return s, true
		}
	}
	return 0, false
}
