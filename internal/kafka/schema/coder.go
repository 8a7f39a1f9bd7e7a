package schema

import (
	"encoding/binary"
	"fmt"
	"math"
)

// coder reads or writes the primitive types of Kafka's flexible encoding (KIP-482), or with fixed
// those of the one before it. Each message lists its fields once, and the same list serves both
// directions, so that they cannot drift apart. The first error sticks; what is read after it is
// zero.
type coder struct {
	encode bool
	fixed  bool   // strings count in 16 bits, arrays and bytes in 32, nothing is tagged
	buf    []byte // encode: what was written; decode: what is left
	err    error
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
	}
	if !c.encode {
		c.buf = nil
	}
}

// failVersion is fail for a field that is set but has no place in the version being written.
func (c *coder) failVersion(field string) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: field %s", ErrVersion, field)
	}
}

// take splits n bytes off the input, or fails and returns nil.
func (c *coder) take(n int) []byte {
	if n < 0 || n > len(c.buf) {
		c.fail("%d bytes wanted, %d left", n, len(c.buf))
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

// uvarint32 reads an unsigned varint of at most 32 bits.
func (c *coder) uvarint32() uint32 {
	v, n := binary.Uvarint(c.buf)
	if n <= 0 || n > binary.MaxVarintLen32 || v > math.MaxUint32 {
		c.fail("bad varint")
		return 0
	}
	c.buf = c.buf[n:]
	return uint32(v)
}

func (c *coder) putUvarint(v int) { c.buf = binary.AppendUvarint(c.buf, uint64(v)) }

// count codes the length of a compact array or string: 0 is null, else length + 1. Each element
// takes at least minSize bytes, so that a false count cannot make us allocate.
func (c *coder) count(n, minSize int, null bool) (length int, isNull bool) {
	if c.fixed {
		return c.count32(n, minSize, null)
	}
	if c.encode {
		if null {
			c.putUvarint(0)
		} else {
			c.putUvarint(n + 1)
		}
		return n, null
	}
	v := c.uvarint32()
	if v == 0 {
		return 0, true
	}
	if v--; uint64(v)*uint64(minSize) > uint64(len(c.buf)) {
		c.fail("%d elements of at least %d bytes announced, %d bytes left", v, minSize, len(c.buf))
		return 0, false
	}
	return int(v), false
}

// count32 codes the length of an array or of bytes before KIP-482: -1 is null.
func (c *coder) count32(n, minSize int, null bool) (length int, isNull bool) {
	v := int32(n)
	if null {
		v = -1
	}
	code32(c, &v)
	switch {
	case v == -1:
		return 0, true
	case !c.encode && (v < 0 || int64(v)*int64(minSize) > int64(len(c.buf))):
		c.fail("%d elements of at least %d bytes announced, %d bytes left", v, minSize, len(c.buf))
		return 0, false
	}
	return int(v), false
}

// count16 codes the length of a string before KIP-482: -1 is null.
func (c *coder) count16(n int, null bool) (length int, isNull bool) {
	if n > math.MaxInt16 {
		c.fail("string of %d bytes", n)
		return 0, false
	}
	v := int16(n)
	if null {
		v = -1
	}
	c.int16(&v)
	switch {
	case v == -1:
		return 0, true
	case v < 0:
		c.fail("string of %d bytes", v)
		return 0, false
	}
	return int(v), false
}

// textLength codes the length of a string in the coder's encoding.
func (c *coder) textLength(n int, null bool) (length int, isNull bool) {
	if c.fixed {
		return c.count16(n, null)
	}
	return c.count(n, 1, null)
}

// bytes codes bytes that may not be null; decoded empty bytes are nil.
func (c *coder) bytes(p *[]byte) {
	n, null := c.count(len(*p), 1, false)
	switch {
	case null:
		c.fail("bytes are null")
	case c.encode:
		c.buf = append(c.buf, *p...)
	default:
		*p = append([]byte(nil), c.take(n)...)
	}
}

func (c *coder) boolean(p *bool) {
	v := int8(0)
	if *p {
		v = 1
	}
	c.int8(&v)
	if !c.encode {
		*p = v != 0
	}
}

func (c *coder) int8(p *int8) {
	if c.encode {
		c.buf = append(c.buf, byte(*p))
	} else if b := c.take(1); b != nil {
		*p = int8(b[0])
	}
}

func (c *coder) int16(p *int16) {
	if c.encode {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(*p))
	} else if b := c.take(2); b != nil {
		*p = int16(binary.BigEndian.Uint16(b))
	}
}

func (c *coder) uint16(p *uint16) {
	v := int16(*p)
	c.int16(&v)
	*p = uint16(v)
}

func (c *coder) float64(p *float64) {
	v := int64(math.Float64bits(*p))
	code64(c, &v)
	*p = math.Float64frombits(uint64(v))
}

func code32[T ~int32](c *coder, p *T) {
	if c.encode {
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(*p))
	} else if b := c.take(4); b != nil {
		*p = T(binary.BigEndian.Uint32(b))
	}
}

func code64[T ~int64](c *coder, p *T) {
	if c.encode {
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(*p))
	} else if b := c.take(8); b != nil {
		*p = T(binary.BigEndian.Uint64(b))
	}
}

func codeUUID[T ~[16]byte](c *coder, p *T) {
	if c.encode {
		b := [16]byte(*p)
		c.buf = append(c.buf, b[:]...)
	} else if b := c.take(16); b != nil {
		*p = T([16]byte(b))
	}
}

// str codes a compact string that may not be null.
func (c *coder) str(p *string) {
	n, null := c.textLength(len(*p), false)
	if null {
		c.fail("string is null")
		return
	}
	c.chars(n, p)
}

// nullable codes a compact string that may be null (nil).
func (c *coder) nullable(p **string) {
	n := 0
	if *p != nil {
		n = len(**p)
	}
	n, null := c.textLength(n, *p == nil)
	if null {
		return
	}
	if !c.encode {
		*p = new(string)
	}
	c.chars(n, *p)
}

func (c *coder) chars(n int, p *string) {
	if n > math.MaxInt16 { // Kafka's own bound on a string
		c.fail("string of %d bytes", n)
		return
	}
	if c.encode {
		c.buf = append(c.buf, *p...)
		return
	}
	*p = string(c.take(n))
}

// codeArray codes a compact array that may not be null; decoded empty arrays are nil.
func codeArray[T any](c *coder, p *[]T, minSize int, element func(c *coder, p *T)) {
	n, null := c.count(len(*p), minSize, false)
	if null {
		c.fail("array is null")
		return
	}
	codeElements(c, n, p, element)
}

// codeNullableArray codes a compact array in which nil is null and empty is empty.
func codeNullableArray[T any](c *coder, p *[]T, minSize int, element func(c *coder, p *T)) {
	n, null := c.count(len(*p), minSize, *p == nil)
	if null {
		return
	}
	if !c.encode && n == 0 {
		*p = []T{}
	}
	codeElements(c, n, p, element)
}

func codeElements[T any](c *coder, n int, p *[]T, element func(c *coder, p *T)) {
	if !c.encode && n > 0 && c.err == nil {
		*p = make([]T, n)
	}
	for i := 0; i < len(*p) && c.err == nil; i++ {
		element(c, &(*p)[i])
	}
}

// field is a tagged field as a message declares it. set says whether it is written: Kafka leaves
// out fields that hold their default.
type field struct {
	number uint32
	name   string
	since  int16 // first version that has the field
	set    bool
	code   func()
}

// tagged codes the tag section that ends every flexible message. Fields are declared in ascending
// order of number. Unknown ones, among them those of a later version, are kept in tags.
func (c *coder) tagged(version int16, tags *Tags, fields ...field) {
	if c.fixed {
		return
	}
	if c.encode {
		c.putTagged(version, *tags, fields)
	} else {
		c.takeTagged(version, tags, fields)
	}
}

func (c *coder) putTagged(version int16, tags Tags, fields []field) {
	n := len(tags)
	if plantedTag {
		tags, n = nil, 0
	}
	for i := range fields {
		if f := &fields[i]; f.set && f.since > version {
			c.failVersion(f.name)
			return
		} else if f.set {
			n++
		}
	}
	c.putUvarint(n)
	for i := range fields {
		f := &fields[i]
		for len(tags) > 0 && tags[0].Number < f.number {
			tags = c.putTag(tags)
		}
		if f.set {
			c.putTaggedField(f)
		}
	}
	for len(tags) > 0 {
		tags = c.putTag(tags)
	}
}

func (c *coder) putTag(tags Tags) Tags {
	c.putUvarint(int(tags[0].Number))
	c.putUvarint(len(tags[0].Data))
	c.buf = append(c.buf, tags[0].Data...)
	return tags[1:]
}

// putTaggedField writes number, size and content; the content comes first, because its size is
// only known afterwards.
func (c *coder) putTaggedField(f *field) {
	out := c.buf
	c.buf = nil
	f.code()
	content := c.buf
	c.buf = out
	c.putUvarint(int(f.number))
	c.putUvarint(len(content))
	c.buf = append(c.buf, content...)
}

func (c *coder) takeTagged(version int16, tags *Tags, fields []field) {
	last := int64(-1)
	for n := c.uvarint32(); n > 0 && c.err == nil; n-- {
		number, size := c.uvarint32(), c.uvarint32()
		if int64(number) <= last {
			c.fail("tagged field %d after %d", number, last)
			return
		}
		last = int64(number)
		if size > math.MaxInt32 {
			c.fail("tagged field of %d bytes", size)
			return
		}
		content := c.take(int(size))
		if c.err == nil {
			c.takeTag(number, content, version, tags, fields)
		}
	}
}

func (c *coder) takeTag(number uint32, content []byte, version int16, tags *Tags, fields []field) {
	for i := range fields {
		if f := &fields[i]; f.number == number && f.since <= version {
			rest := c.buf
			c.buf = content
			f.code()
			if c.err == nil && len(c.buf) != 0 {
				c.fail("%d bytes are left over in tagged field %s", len(c.buf), f.name)
			}
			if c.err == nil {
				c.buf = rest
			}
			return
		}
	}
	*tags = append(*tags, Tag{Number: number, Data: append([]byte(nil), content...)})
}
