package offline

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Object is a record as JSON, its fields in the order in which Kafka prints them.
type Object []Member

// Member is one field of an Object. Value is nil, bool, int64, uint64, float64, string, []any or Object.
type Member struct {
	Name  string
	Value any
}

// Get is a field, nil if there is none.
func (o Object) Get(name string) any {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// String is the JSON that Kafka's tools print: without blanks, bytes in base64.
func (o Object) String() string { return string(appendJSON(nil, o)) }

func appendJSON(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		return append(dst, javaDouble(v)...)
	case string:
		return append(dst, quote(v)...)
	case []byte:
		return append(dst, `"`+base64.StdEncoding.EncodeToString(v)+`"`...)
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, e)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, quote(m.Name)...), ':')
			dst = appendJSON(dst, m.Value)
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("BUG: %T in JSON", v))
}

// quote leaves < > & and everything beyond ASCII as it is, like Kafka's JSON library.
func quote(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic("BUG: a string that is no JSON: " + err.Error())
	}
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
}

// javaDouble is Double.toString.
func javaDouble(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-3 || a >= 1e7) {
		text := strings.ToUpper(strconv.FormatFloat(v, 'e', -1, 64))
		mantissa, exponent, _ := strings.Cut(text, "E")
		n, _ := strconv.Atoi(exponent)
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return fmt.Sprintf("%sE%d", mantissa, n)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// errCut is returned for a record that ends before its fields do.
var errCut = errors.New("the record is cut off")

// reader reads fields; after an error it reads zeroes.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.rest) {
		if r.err == nil {
			r.err = errCut
		}
		return make([]byte, min(max(n, 0), 16))
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uvarint() int64 {
	v, n := binary.Uvarint(r.rest)
	if r.err != nil {
		return 0
	}
	if n <= 0 || n > 5 {
		r.err = errCut
		return 0
	}
	r.rest = r.rest[n:]
	return int64(v)
}

func (r *reader) int16() int16 { return int16(binary.BigEndian.Uint16(r.take(2))) }
func (r *reader) int32() int32 { return int32(binary.BigEndian.Uint32(r.take(4))) }

// length reads the length of a text (short), of bytes or of an array; -1 is null.
func (r *reader) length(flexible, short bool) int {
	var n int64
	switch {
	case flexible:
		n = r.uvarint() - 1
	case short:
		n = int64(r.int16())
	default:
		n = int64(r.int32())
	}
	if n > int64(len(r.rest)) {
		r.err = errCut
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// decode reads one structure. Bytes after it are left in r.
func (s *shape) decode(r *reader) Object {
	values := make([]any, len(s.fields))
	there := make([]bool, len(s.fields))
	for i, f := range s.fields {
		if f.tag < 0 {
			values[i], there[i] = f.kind.decode(r, s.flexible), true
		}
	}
	if s.flexible {
		for n := r.uvarint(); n > 0 && r.err == nil; n-- {
			tag, content := int(r.uvarint()), r.take(int(r.uvarint()))
			for i, f := range s.fields {
				if f.tag == tag && r.err == nil {
					inner := &reader{rest: content}
					values[i], there[i] = f.kind.decodeTagged(inner), true
					r.err = inner.err
				}
			}
		}
	}
	var o Object
	for i, f := range s.fields {
		if there[i] {
			o = append(o, Member{f.name, values[i]})
		}
	}
	return o
}

// decodeTagged: there a structure that may be null begins with a varint, 0 for null, and not with a byte.
func (k kind) decodeTagged(r *reader) any {
	if k.name != "{" || !k.nullable {
		return k.decode(r, true)
	}
	if r.uvarint() == 0 {
		return nil
	}
	return k.fields.decode(r)
}

func (k kind) decode(r *reader, flexible bool) any {
	switch k.name {
	case "i1":
		return int64(int8(r.take(1)[0]))
	case "i2":
		return int64(r.int16())
	case "u2":
		return uint64(binary.BigEndian.Uint16(r.take(2)))
	case "i4":
		return int64(r.int32())
	case "u4":
		return uint64(binary.BigEndian.Uint32(r.take(4)))
	case "i8":
		return int64(binary.BigEndian.Uint64(r.take(8)))
	case "f8":
		return math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
	case "bool":
		return r.take(1)[0] != 0
	case "uuid":
		return base64.RawURLEncoding.EncodeToString(r.take(16))
	case "{":
		if k.nullable && int8(r.take(1)[0]) < 0 {
			return nil
		}
		return k.fields.decode(r)
	}
	n := r.length(flexible, k.name == "s")
	if n < 0 {
		if !k.nullable && r.err == nil {
			r.err = errors.New("a field that must not be null is null")
		}
		return nil
	}
	switch k.name {
	case "s":
		return string(r.take(n))
	case "b":
		return r.take(n)
	}
	list := []any{}
	for range n {
		if r.err != nil {
			break
		}
		list = append(list, k.element.decode(r, flexible))
	}
	return list
}
