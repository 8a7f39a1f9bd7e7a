package wire

import "slices"

// worst builds bodies that cost a decoder the most memory for their size: one array of many
// elements, everything around it as small as it can be, and in the elements whatever is cheap on
// the wire but has a price in memory. The choices are tried in all combinations.
type worst struct {
	flexible bool
	target   *shape // the array that is repeated
	n        int    // how often
	bomb     int    // if not 0, the count that target claims
	left     int    // unknown tagged fields that may still be added

	choice
	dst []byte
}

// choice says how the elements of the target are filled.
type choice struct {
	text    int  // length of strings; -1 is null where allowed, else empty
	inner   int  // elements of inner arrays; -1 is null where allowed
	present bool // nullable structures
	known   bool // known tagged fields
	unknown bool // an unknown tagged field in each structure
}

func choices(full bool) (all []choice) {
	texts, inners, masks := []int{-1, 0}, []int{-1, 1}, []int{0, 7}
	if full {
		texts, inners, masks = []int{-1, 0, 1, 2, 9, 17}, []int{-1, 1, 2}, []int{0, 1, 2, 3, 4, 5, 6, 7}
	}
	for _, text := range texts {
		for _, inner := range inners {
			for _, mask := range masks {
				all = append(all, choice{text, inner, mask&1 != 0, mask&2 != 0, mask&4 != 0})
			}
		}
	}
	return all
}

// arrays lists the arrays in s, nested ones included.
func arrays(s *shape) (all []*shape) {
	if s.kind == kindArray {
		all = append(all, s)
		return append(all, arrays(s.elem)...)
	}
	for i := range s.fields {
		all = append(all, arrays(&s.fields[i])...)
	}
	for i := range s.tags {
		all = append(all, arrays(&s.tags[i].shape)...)
	}
	return all
}

// worstBody returns a body of about size bytes in which target is repeated; nil target for bodies
// without arrays.
func worstBody(s *shape, flexible bool, target *shape, c choice, size int) []byte {
	w := worst{flexible: flexible, target: target, n: 1, left: MaxUnknownTags, choice: c}
	w.field(s, false)
	one := len(w.dst)
	w.dst, w.n, w.left = w.dst[:0], 2, MaxUnknownTags
	w.field(s, false)
	w.n = max(1, size/max(1, len(w.dst)-one))
	w.dst, w.left = w.dst[:0], MaxUnknownTags
	w.field(s, false)
	return w.dst
}

// field appends s; in tells whether it is inside an element of the target.
func (w *worst) field(s *shape, in bool) {
	text, inner := -1, -1
	if in {
		text, inner = w.text, w.inner
	}
	switch s.kind {
	case kindFixed:
		w.dst = append(w.dst, make([]byte, s.size)...)
	case kindString, kindBytes:
		w.bytes(s, text)
	case kindArray:
		n := inner
		if s == w.target {
			n, in = w.n, true
		} else if slices.Contains(arrays(s), w.target) {
			n = 1
		}
		if n < 0 && !s.nullable {
			n = 0
		}
		if s == w.target && w.bomb > 0 {
			w.dst = appendCount(w.dst, w.bomb, w.flexible)
		} else {
			w.dst = appendCount(w.dst, n, w.flexible)
		}
		for ; n > 0; n-- {
			w.field(s.elem, in)
		}
	case kindStruct:
		w.structure(s, in)
	}
}

func (w *worst) bytes(s *shape, n int) {
	if n < 0 && !s.nullable {
		n = 0
	}
	switch {
	case w.flexible:
		w.dst = AppendUvarint(w.dst, uint32(n+1))
	case s.kind == kindBytes:
		w.dst = appendInt32(w.dst, int32(n))
	default:
		w.dst = appendInt16(w.dst, int16(n))
	}
	w.dst = append(w.dst, make([]byte, max(n, 0))...)
}

func (w *worst) structure(s *shape, in bool) {
	onPath := slices.Contains(arrays(s), w.target)
	if s.nullable {
		if !onPath && !(in && w.present) {
			w.dst = append(w.dst, 0xff)
			return
		}
		w.dst = append(w.dst, 1)
	}
	for i := range s.fields {
		w.field(&s.fields[i], in)
	}
	if w.flexible {
		w.section(s, in)
	}
}

func (w *worst) section(s *shape, in bool) {
	var tags []byte
	count := byte(0)
	for i := range s.tags {
		t := &s.tags[i]
		if !(in && w.known) && !slices.Contains(arrays(&t.shape), w.target) {
			continue
		}
		body := worst{flexible: true, target: w.target, n: w.n, bomb: w.bomb, left: w.left, choice: w.choice}
		body.field(&t.shape, in)
		w.left = body.left
		tags = AppendUvarint(append(tags, byte(t.id)), uint32(len(body.dst)))
		tags = append(tags, body.dst...)
		count++
	}
	if w.unknown && w.left > 0 {
		w.left--
		tags = append(tags, 100, 0)
		count++
	}
	w.dst = append(append(w.dst, count), tags...)
}
