package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// WriteEDN writes the history as EDN, one event a line, in the shape of a Jepsen history. The
// format is in docs/format/history.md. It only reads h.
func WriteEDN(w io.Writer, h *History) error { return write(w, h, ednSyntax) }

// ReadEDN reads what WriteEDN or Jepsen's kafka workload wrote: maps, tagged or not, one after the
// other or in one vector. Events that are no concern of ours are passed over. Memory is bounded by
// the input. Errors wrap ErrFormat or come from r.
func ReadEDN(r io.Reader) (*History, error) {
	d := newDecoder(true)
	p := &ednReader{r: bufio.NewReader(r)}
	vector := false
	for {
		n, end, err := p.top(&vector)
		if err == nil && end {
			return d.h, nil
		}
		if err == nil {
			err = d.event(&n)
		}
		if err != nil {
			return nil, d.fail(err)
		}
	}
}

// ednReader reads the part of EDN that histories use. A tag is dropped and its value taken.
type ednReader struct {
	r     *bufio.Reader
	nodes int
}

var errEnd = errors.New("unexpected end")

// inputError is what the reader below returned: no matter of the format.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// top reads one event. A vector around all events is opened and closed on the way.
func (p *ednReader) top(vector *bool) (n node, end bool, err error) {
	for {
		c, err := p.space(0)
		switch {
		case err == io.EOF && !*vector:
			return n, true, nil
		case err == io.EOF:
			return n, false, errEnd
		case err != nil:
			return n, false, err
		case c == '[' && !*vector:
			*vector = true
			continue
		case c == ']' && *vector:
			*vector = false
			continue
		}
		p.nodes = 0
		n, err = p.valueFrom(c, 0)
		if err == io.EOF {
			err = errEnd
		}
		return n, false, err
	}
}

func (p *ednReader) byte() (byte, error) {
	c, err := p.r.ReadByte()
	if err != nil && err != io.EOF {
		err = inputError{err}
	}
	return c, err
}

// space passes over white space, commas, comments and discarded values, and takes one byte more.
func (p *ednReader) space(depth int) (byte, error) {
	for {
		c, err := p.byte()
		if err != nil {
			return 0, err
		}
		switch {
		case c == ';':
			for c != '\n' {
				if c, err = p.byte(); err != nil {
					return 0, err
				}
			}
		case c == '#' && p.next() == '_':
			if err := p.discard(depth); err != nil {
				return 0, err
			}
		case c == ' ', c == '\t', c == '\n', c == '\r', c == '\f', c == ',':
		default:
			return c, nil
		}
	}
}

// next is the byte to come, 0 if there is none. UnreadByte is not possible after it.
func (p *ednReader) next() byte {
	if b, _ := p.r.Peek(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// discard passes over the value behind #_.
func (p *ednReader) discard(depth int) error {
	if _, err := p.byte(); err != nil {
		return err
	}
	_, err := p.value(depth + 1)
	if err == io.EOF {
		err = errEnd
	}
	return err
}

// value reads one value.
func (p *ednReader) value(depth int) (node, error) {
	c, err := p.space(depth)
	if err != nil {
		return node{}, err
	}
	return p.valueFrom(c, depth)
}

func (p *ednReader) valueFrom(c byte, depth int) (node, error) {
	if p.nodes++; depth > maxDepth || p.nodes > maxNodes {
		return node{}, errors.New("event too deep or too large")
	}
	switch c {
	case '[':
		return p.list(nodeList, ']', depth)
	case '(':
		return p.list(nodeList, ')', depth)
	case '{':
		return p.list(nodeMap, '}', depth)
	case '"':
		return p.quoted()
	case '#':
		return p.dispatch(depth)
	case ']', ')', '}', '\\', '^', '`', '~', '@', '\'':
		return node{}, fmt.Errorf("unexpected %q", c)
	}
	return p.atom(c)
}

// dispatch reads a set, or a tag and its value.
func (p *ednReader) dispatch(depth int) (node, error) {
	c, err := p.byte()
	if err != nil {
		return node{}, err
	}
	switch {
	case c == '{':
		return p.list(nodeList, '}', depth)
	case delimiter(c) || c == '#':
		return node{}, fmt.Errorf("unexpected %q after #", c)
	default:
		if _, err := p.name(c); err != nil {
			return node{}, err
		}
	}
	return p.value(depth + 1)
}

func (p *ednReader) list(kind nodeKind, closing byte, depth int) (node, error) {
	n := node{kind: kind}
	for {
		c, err := p.space(depth)
		if err != nil {
			return n, err
		}
		if c == closing {
			if kind == nodeMap && len(n.list)%2 != 0 {
				return n, errors.New("a map with a key that has no value")
			}
			return n, nil
		}
		child, err := p.valueFrom(c, depth+1)
		if err != nil {
			return n, err
		}
		n.list = append(n.list, child)
	}
}

var ednEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '"': '"', '\\': '\\', 'b': '\b', 'f': '\f', '/': '/'}

func (p *ednReader) quoted() (node, error) {
	var text []byte
	for {
		c, err := p.byte()
		switch {
		case err != nil:
			return node{}, err
		case len(text) > maxText:
			return node{}, errors.New("text too long")
		case c == '"':
			return node{kind: nodeText, text: string(text)}, nil
		case c != '\\':
			text = append(text, c)
			continue
		}
		if c, err = p.byte(); err != nil {
			return node{}, err
		}
		if e, ok := ednEscapes[c]; ok {
			text = append(text, e)
			continue
		}
		if c != 'u' {
			return node{}, fmt.Errorf("unknown escape \\%c", c)
		}
		var hex [4]byte
		if _, err := io.ReadFull(p.r, hex[:]); err != nil {
			return node{}, errEnd
		}
		u, err := strconv.ParseUint(string(hex[:]), 16, 16)
		if err != nil {
			return node{}, fmt.Errorf("unknown escape \\u%q", hex)
		}
		text = utf8.AppendRune(text, rune(u))
	}
}

func delimiter(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '\f', ',', ';', '[', ']', '(', ')', '{', '}', '"':
		return true
	}
	return false
}

// name reads on to the next delimiter.
func (p *ednReader) name(c byte) (string, error) {
	text := []byte{c}
	for {
		c, err := p.byte()
		switch {
		case err == io.EOF:
			return string(text), nil
		case err != nil:
			return "", err
		case delimiter(c):
			return string(text), p.r.UnreadByte()
		case len(text) > maxText:
			return "", errors.New("name too long")
		}
		text = append(text, c)
	}
}

func (p *ednReader) atom(c byte) (node, error) {
	text, err := p.name(c)
	if err != nil {
		return node{}, err
	}
	switch text {
	case "nil":
		return node{}, nil
	case "true":
		return node{kind: nodeBool, num: 1}, nil
	case "false":
		return node{kind: nodeBool}, nil
	}
	if c == ':' {
		return node{kind: nodeText, text: text[1:]}, nil
	}
	return number(text)
}

// number reads an integer, or else a symbol, which is text to us. Fractions are known as such.
func number(text string) (node, error) {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return node{kind: nodeInt, num: i}, nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(f) {
		return node{kind: nodeFloat}, nil
	}
	return node{kind: nodeText, text: text}, nil
}
