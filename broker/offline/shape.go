package offline

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed records.txt
var recordsText string

// The language of records.txt. A line is
//
//	family type name first-last fields
//
// The fields stand between blanks, in the order in which they are printed:
//
//	~             the version is flexible: compact lengths, tagged fields at the end
//	name:type     a field
//	name#3:type   a tagged field, printed where it stands if it is there
//
// and a type is i1 i2 i4 i8 (signed), u2 u4 (unsigned), f8, bool, uuid, s (text), b (bytes), [type]
// (array) or {fields} (structure), with ? if it may be null.

// shape is a structure: the fields of one version.
type shape struct {
	flexible bool
	fields   []field
}

type field struct {
	name string
	tag  int // -1: not tagged
	kind kind
}

type kind struct {
	name     string // i1 … b, [ or {
	nullable bool
	element  *kind  // of an array
	fields   *shape // of a structure
}

// recordShape is a type of records in a range of versions.
type recordShape struct {
	family, name string
	id           int16
	first, last  int16
	shape        *shape
}

// shapes are all lines of records.txt.
var shapes = sync.OnceValue(func() (list []recordShape) {
	for line := range strings.Lines(recordsText) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, parseLine(line))
		}
	}
	return list
})

// parseLine panics on a line that is wrong: the file is part of the program.
func parseLine(line string) recordShape {
	words := append(strings.SplitN(line, " ", 5), "")
	first, last, _ := strings.Cut(words[3], "-")
	p := &shapeParser{rest: words[4]}
	r := recordShape{family: words[0], id: number(words[1]), name: words[2], first: number(first), last: number(last), shape: p.shape()}
	if p.rest != "" {
		panic(fmt.Sprintf("BUG: records.txt: %q is left of %q", p.rest, line))
	}
	return r
}

func number(text string) int16 {
	n, err := strconv.ParseInt(text, 10, 16)
	if err != nil {
		panic("BUG: records.txt: " + err.Error())
	}
	return int16(n)
}

type shapeParser struct{ rest string }

func (p *shapeParser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// shape reads fields until a } or the end.
func (p *shapeParser) shape() *shape {
	s := &shape{}
	for {
		p.take(" ")
		switch {
		case p.rest == "" || p.rest[0] == '}':
			return s
		case p.take("~"):
			s.flexible = true
			continue
		}
		name, rest, _ := strings.Cut(p.rest, ":")
		p.rest = rest
		f := field{name: name, tag: -1}
		if before, tag, ok := strings.Cut(name, "#"); ok {
			f.name, f.tag = before, int(number(tag))
		}
		f.kind = p.kind()
		s.fields = append(s.fields, f)
	}
}

func (p *shapeParser) kind() kind {
	k := kind{}
	switch {
	case p.take("["):
		element := p.kind()
		k.name, k.element = "[", &element
		p.mustTake("]")
	case p.take("{"):
		k.name, k.fields = "{", p.shape()
		p.mustTake("}")
	default:
		i := strings.IndexAny(p.rest+" ", " ?]}")
		k.name, p.rest = p.rest[:i], p.rest[i:]
	}
	k.nullable = p.take("?")
	return k
}

func (p *shapeParser) mustTake(what string) {
	if !p.take(what) {
		panic(fmt.Sprintf("BUG: records.txt: %q stands where %s should", p.rest, what))
	}
}

// find looks a shape up; known reports whether there is any version of it, and then r has its name.
func find(family string, id, version int16) (r recordShape, known, ok bool) {
	for _, s := range shapes() {
		if s.family == family && s.id == id {
			if s.first <= version && version <= s.last {
				return s, true, true
			}
			r.name, known = s.name, true
		}
	}
	return r, known, false
}
