package wire

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// schema.txt holds the shape of every request body, one line per run of versions that share it:
//
//	KEY FIRST LAST SHAPE
//
// A shape lists the fields in order: 1 2 4 8 16 are fixed sizes in bytes, s a string, b bytes or
// records, [x] an array of x, (…) a structure, N:x the tagged field number N; a ? behind it says
// that it may be null. In flexible versions every structure, the body itself included, ends in
// a section of tagged fields, even if none is known.
//
//go:embed schema.txt
var schemaText string

type kind uint8

const (
	kindFixed  kind = iota // size bytes; neighbours are merged into one
	kindString             // nullable or not
	kindBytes              // nullable or not
	kindArray              // of elem
	kindStruct             // fields; nullable ones have a leading byte, -1 for null
)

// shape is the shape of one field. Immutable once parsed.
type shape struct {
	kind     kind
	nullable bool
	size     int // kindFixed: bytes. Others: the fewest bytes that a value takes
	elem     *shape
	fields   []shape
	tags     []taggedShape // ascending
}

type taggedShape struct {
	id uint32
	shape
}

// shapeRun is the shape of the bodies of a run of versions.
type shapeRun struct {
	first, last int16
	body        shape // kindStruct, not nullable
	// Tagged fields below taken that the body does not have are those of other versions of the
	// API. Kafka refuses them; kmsg reads them in all versions.
	taken uint32
}

// shapes is indexed by API key. Parsed at first use: about 100 µs.
var shapes = sync.OnceValue(func() *[MaxKey + 1][]shapeRun {
	var all [MaxKey + 1][]shapeRun
	for line := range strings.Lines(schemaText) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			key, run := parseShapeLine(line)
			all[key] = append(all[key], run)
		}
	}
	for _, runs := range all {
		markTaken(runs)
	}
	return &all
})

// shapeOf returns the shape of a body, or nil if the version is not Known.
func shapeOf(key, version int16) *shapeRun {
	if !Known(key, version) {
		return nil
	}
	runs := shapes()[key]
	for i := range runs {
		if runs[i].first <= version && version <= runs[i].last {
			return &runs[i]
		}
	}
	panic(fmt.Sprintf("BUG: schema.txt has no shape for key %d version %d", key, version))
}

// markTaken sets taken in the runs of one API.
func markTaken(runs []shapeRun) {
	taken := uint32(0)
	for i := range runs {
		taken = max(taken, runs[i].body.takenTags())
	}
	for i := range runs {
		runs[i].taken = taken
	}
}

// takenTags returns the lowest number that no tagged field in s has.
func (s *shape) takenTags() (lowest uint32) {
	if s.elem != nil {
		lowest = s.elem.takenTags()
	}
	for i := range s.fields {
		lowest = max(lowest, s.fields[i].takenTags())
	}
	for i := range s.tags {
		lowest = max(lowest, s.tags[i].id+1, s.tags[i].shape.takenTags())
	}
	return lowest
}

func parseShapeLine(line string) (key int16, run shapeRun) {
	p := shapeParser{line: line, words: strings.Fields(line)}
	key, run.first, run.last = int16(p.number()), int16(p.number()), int16(p.number())
	p.rest = strings.Join(p.words, " ")
	p.flexible = FlexibleRequest(key, run.first)
	if p.flexible != FlexibleRequest(key, run.last) {
		p.bug()
	}
	run.body = p.structure(0)
	return key, run
}

// shapeParser reads one line of schema.txt. The text is ours, so a fault in it is a bug.
type shapeParser struct {
	line     string
	words    []string
	rest     string
	flexible bool
}

func (p *shapeParser) bug() { panic(fmt.Sprintf("BUG: schema.txt: %q at %q", p.line, p.rest)) }

func (p *shapeParser) number() int {
	n, err := strconv.Atoi(p.words[0])
	if err != nil {
		p.bug()
	}
	p.words = p.words[1:]
	return n
}

// accept consumes c if it comes next.
func (p *shapeParser) accept(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// structure reads fields up to the closing byte, or to the end of the line if that is 0.
func (p *shapeParser) structure(closing byte) shape {
	s := shape{kind: kindStruct}
	for p.rest != "" && p.rest[0] != closing {
		p.accept(' ')
		if id, ok := p.tag(); ok {
			s.tags = append(s.tags, taggedShape{uint32(id), p.field()})
			continue
		}
		s.append(p.field())
	}
	if closing != 0 && !p.accept(closing) {
		p.bug()
	}
	for i := range s.fields {
		s.size += s.fields[i].size
	}
	if p.flexible {
		s.size++
	}
	return s
}

func (s *shape) append(f shape) {
	if n := len(s.fields); f.kind == kindFixed && n > 0 && s.fields[n-1].kind == kindFixed {
		s.fields[n-1].size += f.size
		return
	}
	s.fields = append(s.fields, f)
}

// tag consumes "N:" if it comes next.
func (p *shapeParser) tag() (id int, ok bool) {
	digits, after, found := strings.Cut(p.rest, ":")
	id, err := strconv.Atoi(digits)
	if !found || err != nil {
		return 0, false
	}
	p.rest = after
	return id, true
}

func (p *shapeParser) field() (f shape) {
	length := func(plain int) int { // of the length or count of something empty
		if p.flexible {
			return 1
		}
		return plain
	}
	switch {
	case p.accept('s'):
		f = shape{kind: kindString, size: length(2)}
	case p.accept('b'):
		f = shape{kind: kindBytes, size: length(4)}
	case p.accept('['):
		elem := p.field()
		if !p.accept(']') {
			p.bug()
		}
		f = shape{kind: kindArray, size: length(4), elem: &elem}
	case p.accept('('):
		f = p.structure(')')
	default:
		f = shape{kind: kindFixed, size: p.fixed()}
	}
	f.nullable = p.accept('?')
	if f.nullable && f.kind == kindStruct {
		f.size = 1
	}
	return f
}

func (p *shapeParser) fixed() int {
	n := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
	size, err := strconv.Atoi(p.rest[:n])
	if err != nil {
		p.bug()
	}
	p.rest = p.rest[n:]
	return size
}
