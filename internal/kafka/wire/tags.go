package wire

// MaxTags bounds the tagged fields of one section (KIP-482). Kafka's own messages have at most
// three; the rest is room for fields of newer clients, which are skipped.
const MaxTags = 64

// Tags walks one section of tagged fields:
//
//	for t := r.Tags(); r.NextTag(&t); {
//		switch t.ID { case 0: … t.Body … }
//	}
//
// Afterwards the reader stands behind the section. Sections exist only in flexible versions; the
// loop must be skipped in others.
type Tags struct {
	ID   uint32 // number of the field
	Body []byte // its bytes; aliases the request

	left int
	next int64 // smallest number that the next field may have
}

// Tags reads the head of a section.
func (r *Reader) Tags() (t Tags) {
	n := r.Uvarint()
	switch {
	case n == 0:
	case n > MaxTags:
		r.fail(ErrTags)
	case int(n)*2 > len(r.b): // each has a number and a size
		r.fail(ErrCount)
	default:
		t.left = int(n)
	}
	return t
}

// NextTag steps to the next field of the section and reports whether there is one. Numbers must
// ascend strictly, so no field comes twice.
func (r *Reader) NextTag(t *Tags) bool {
	if t.left == 0 {
		return false
	}
	t.left--
	t.ID = r.Uvarint()
	t.Body = r.Span(int(r.Uvarint()))
	if r.err != nil {
		return false
	}
	if int64(t.ID) < t.next && !plantedTagOrder {
		r.fail(ErrTagOrder)
		return false
	}
	t.next = int64(t.ID) + 1
	return true
}

// SkipTags reads a section of which no field is known.
func (r *Reader) SkipTags() {
	if len(r.b) > 0 && r.b[0] == 0 {
		r.b = r.b[1:]
		return
	}
	for t := r.Tags(); r.NextTag(&t); {
	}
}

// finish takes over the state of a reader that has read the body of a tagged field: the field
// must have been understood and used up.
func (r *Reader) finish(body *Reader) {
	switch {
	case body.err != nil:
		r.fail(body.err)
	case len(body.b) != 0:
		r.fail(ErrTagSize)
	}
}

// known refuses a tagged field whose number is taken but not in this version, as Kafka does.
func (r *Reader) known(ok bool) {
	if !ok {
		r.fail(ErrTagSize)
	}
}
