package clean

import "math/bits"

// slotSize is what one key costs in the map.
const slotSize = 24

// slot is a place for one key; offset is one more than the key's newest offset, 0 is an empty
// place.
type slot struct {
	hash   hash
	offset int64
}

// offsetMap knows the newest offset of keys by their hash. It is one slice without pointers, which the collector does
// not look into, with open addressing: a key lies at or after its home, and a key that is further from
// its home than the one found there takes the place (Robin Hood), so that a search is short also
// when nine of ten places are taken, and ends early for a key that is not there.
type offsetMap struct {
	slots []slot
	limit int // keys that it takes
	n     int // keys that it has
}

// roomy is how full the map becomes when its budget is not the limit: searches are short then.
const roomy = 0.6

// reset empties the map and makes it large enough for most keys, but not larger than maxBytes.
func (m *offsetMap) reset(maxBytes int64, load float64, most int64) {
	places := max(maxBytes/slotSize, 2)
	if want := float64(max(most, 0))/min(load, roomy) + 2; want < float64(places) {
		places = int64(want)
	}
	if int64(cap(m.slots)) < places {
		m.slots = make([]slot, places)
	} else {
		m.slots = m.slots[:places]
		clear(m.slots)
	}
	m.n = 0
	m.limit = min(max(int(float64(places)*load), 1), int(places)-1) // a search ends at an empty place
}

// release gives the memory back.
func (m *offsetMap) release() { *m = offsetMap{} }

// home is where the search for a hash begins.
func (m *offsetMap) home(h hash) int {
	i, _ := bits.Mul64(h.lo, uint64(len(m.slots)))
	return int(i)
}

// distance is how far place i is from the home of the hash that lies there.
func (m *offsetMap) distance(h hash, i int) int {
	d := i - m.home(h)
	if d < 0 {
		d += len(m.slots)
	}
	return d
}

// touch reads the places where the searches for some hashes begin. The reads do not depend on each other, so that the
// processor waits for all of them at once and not for one after the other; that is most of
// what a search costs in a map larger than its caches.
func (m *offsetMap) touch(items []item) (sum int64) {
	for i := range items {
		sum += m.slots[m.home(items[i].hash)].offset
	}
	return sum
}

// get returns the newest offset of a key, -1 if it is not in the map.
func (m *offsetMap) get(h hash) int64 {
	i := m.home(h)
	for d := 0; ; d++ {
		s := &m.slots[i]
		switch {
		case s.offset == 0:
			return -1
		case s.hash == h:
			return s.offset - 1
		case m.distance(s.hash, i) < d:
			return -1
		}
		if i++; i == len(m.slots) {
			i = 0
		}
	}
}

// put notes that the key has a record at offset, which is larger than all before. It reports false, and
// changes nothing, if the key is new and the map is full.
func (m *offsetMap) put(h hash, offset int64) bool {
	in := slot{h, offset + 1}
	i := m.home(h)
	for d := 0; ; d++ {
		s := &m.slots[i]
		if s.offset == 0 {
			if m.n >= m.limit {
				return false
			}
			*s = in
			m.n++
			return true
		}
		if s.hash == h {
			s.offset = in.offset
			return true
		}
		if m.distance(s.hash, i) < d { // the key is not in the map
			if m.n >= m.limit {
				return false
			}
			m.displace(in, i, d)
			m.n++
			return true
		}
		if i++; i == len(m.slots) {
			i = 0
		}
	}
}

// displace puts in at place i, d from its home, and moves on whoever is in the way.
func (m *offsetMap) displace(in slot, i, d int) {
	for {
		s := &m.slots[i]
		if s.offset == 0 {
			*s = in
			return
		}
		if have := m.distance(s.hash, i); have < d {
			*s, in, d = in, *s, have
		}
		d++
		if i++; i == len(m.slots) {
			i = 0
		}
	}
}
