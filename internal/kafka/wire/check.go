package wire

// MaxUnknownTags bounds the tagged fields of one body that Kafka 4.4 does not have. Kafka's
// clients send none: a field becomes known with the version that they have agreed on. kmsg keeps
// each in a map of its own, 336 bytes for 3 on the wire.
const MaxUnknownTags = 64

// Check walks a request's body by its shape and reports whether a decoder may be let loose on it:
// every length and count fits into the bytes left, null stands only where it may, tagged fields
// ascend and are few, varints are not over-long. It must precede kmsg, which sizes memory by
// counts before it has seen their elements and goes around its loop for tagged fields up to 2^32
// times, over a minute, because six bytes say so. After Check, decoding takes at most Charge.
//
// Bytes behind the last field are ignored, as in Kafka. The cost is a pass over the body without
// allocation. Errors are ErrMalformed; ErrVersion if the key and version are not Known. For
// Produce and Fetch it is not needed: their parsers do the same.
func Check(key, version int16, body []byte) error {
	s := shapeOf(key, version)
	if s == nil {
		return ErrVersion
	}
	c := checker{unknown: MaxUnknownTags, taken: s.taken, flexible: FlexibleRequest(key, version)}
	r := Reader{b: body, flexible: c.flexible}
	c.structure(&r, &s.body)
	return r.err
}

type checker struct {
	flexible bool
	unknown  int    // tagged fields that may still come
	taken    uint32 // see shapeRun
}

func (c *checker) field(r *Reader, s *shape) {
	switch s.kind {
	case kindFixed:
		r.Span(s.size)
	case kindString:
		if r.NullableString() == nil && !s.nullable {
			r.fail(ErrNull)
		}
	case kindBytes:
		if r.NullableBytes() == nil && !s.nullable {
			r.fail(ErrNull)
		}
	case kindArray:
		c.array(r, s)
	case kindStruct:
		if s.nullable && !c.present(r) {
			return
		}
		c.structure(r, s)
	}
}

// present reads the byte before a nullable structure. Kafka takes any negative one for null, kmsg
// only -1; what they disagree on is refused.
func (c *checker) present(r *Reader) bool {
	switch b := r.Int8(); {
	case b == -1:
		return false
	case b < 0:
		r.fail(ErrNull)
	}
	return true
}

func (c *checker) array(r *Reader, s *shape) {
	n := r.NullableCount(s.elem.size)
	if n < 0 && !s.nullable {
		r.fail(ErrNull)
	}
	if s.elem.kind == kindFixed {
		r.Span(max(n, 0) * s.elem.size)
		return
	}
	for ; n > 0 && r.err == nil; n-- {
		c.field(r, s.elem)
	}
}

func (c *checker) structure(r *Reader, s *shape) {
	for i := range s.fields {
		c.field(r, &s.fields[i])
		if r.err != nil {
			return
		}
	}
	if !c.flexible {
		return
	}
	for t := r.Tags(); r.NextTag(&t); {
		c.tag(r, s, &t)
	}
}

func (c *checker) tag(r *Reader, s *shape, t *Tags) {
	for i := range s.tags {
		if s.tags[i].id == t.ID {
			c.tagBody(r, &s.tags[i].shape, t.Body)
			return
		}
	}
	if t.ID < c.taken {
		r.fail(ErrTagSize)
	}
	if c.unknown--; c.unknown < 0 {
		r.fail(ErrTags)
	}
}

// tagBody lets the same reader step into the field and out again: one of its own would escape to
// the heap.
func (c *checker) tagBody(r *Reader, s *shape, body []byte) {
	outer := r.b
	r.b = body
	c.field(r, s)
	switch {
	case r.err != nil:
	case len(r.b) != 0:
		r.fail(ErrTagSize)
	default:
		r.b = outer
	}
}
