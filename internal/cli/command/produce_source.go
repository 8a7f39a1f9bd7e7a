package command

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/internal/cli/record"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxLine bounds a line of input: as much as a broker takes in one request by default.
const maxLine = 100 << 20

// given is what the options say of every record.
type given struct {
	key       []byte
	headers   []kgo.RecordHeader
	partition int32
	separator string
	null      bool
	spread    bool
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// newSource chooses where records come from.
func newSource(c *call, values []string) (source, error) {
	g := given{separator: c.text("key-separator"), null: c.flag("null"), spread: c.flag("spread")}
	g.partition, _ = c.cmd.Flags().GetInt32("partition")
	if c.given("partition") && g.partition < 0 {
		return nil, Misuse("--partition is %d, it must be 0 or more", g.partition)
	}
	if c.given("key") {
		g.key = []byte(c.text("key"))
	}
	for _, h := range c.list("header") {
		key, value, ok := strings.Cut(h, "=")
		if !ok {
			return nil, Misuse("--header is %q, it must be KEY=VALUE", h)
		}
		g.headers = append(g.headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	layout, kind := c.text("format"), c.text("input")
	switch {
	case len(values) > 0 && (layout != "" || c.given("input")):
		return nil, Misuse("values are given, so --input and --format have nothing to read")
	case len(values) > 0:
		return &valueSource{given: g, values: values}, nil
	case layout != "" && c.given("input"):
		return nil, Misuse("--format and --input say the same thing; one of them is enough")
	case layout != "":
		r, err := kgo.NewRecordReader(bufio.NewReaderSize(c.In, 64<<10), layout)
		if err != nil {
			return nil, Misuse("--format: %v", err)
		}
		return &layoutSource{given: g, reader: r}, nil
	case kind == "text" || kind == "json":
		return &lineSource{given: g, in: bufio.NewReaderSize(c.In, 64<<10), json: kind == "json"}, nil
	}
	return nil, Misuse("--input is %q, it must be text or json", kind)
}

// dress adds to a record what the options say.
func (g given) dress(r *kgo.Record) *kgo.Record {
	if g.key != nil {
		r.Key = g.key
	}
	if g.null && len(r.Value) == 0 {
		r.Value = nil
	}
	r.Headers = append(r.Headers, g.headers...)
	switch {
	case g.partition >= 0:
		r.Partition = g.partition
	case g.spread:
		r.Partition = record.AnyPartition
	}
	return r
}

// text is the record of a text: key, separator, value.
func (g given) text(s []byte) (*kgo.Record, error) {
	r := &kgo.Record{Value: s, Partition: record.AnyPartition}
	if g.separator != "" {
		key, value, ok := bytes.Cut(s, []byte(g.separator))
		if !ok {
			return nil, fmt.Errorf("no key: there is no %q in it", g.separator)
		}
		r.Key, r.Value = key, value
	}
	return g.dress(r), nil
}

// valueSource are the values of the command line.
type valueSource struct {
	given
	values []string
}

func (s *valueSource) next() (*kgo.Record, error) {
	if len(s.values) == 0 {
		return nil, io.EOF
	}
	v := s.values[0]
	s.values = s.values[1:]
	return s.text([]byte(v))
}

// lineSource reads a record from each line.
type lineSource struct {
	given
	in   *bufio.Reader
	json bool
	line int64
}

func (s *lineSource) next() (*kgo.Record, error) {
	for {
		text, err := s.readLine()
		if err != nil {
			return nil, err
		}
		if s.json && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		r, err := s.parse(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", s.line, err)
		}
		return r, nil
	}
}

func (s *lineSource) parse(text []byte) (*kgo.Record, error) {
	if !s.json {
		return s.text(text)
	}
	r, err := record.Parse(text)
	if err != nil {
		return nil, err
	}
	return s.dress(r), nil
}

// readLine returns the next line without its end; the last one may have none.
func (s *lineSource) readLine() ([]byte, error) {
	s.line++
	var line []byte
	for {
		part, err := s.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("line %d is longer than %d bytes", s.line, maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF && len(line) == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		default:
			return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
		}
	}
}

// layoutSource reads records as a layout says.
type layoutSource struct {
	given
	reader *kgo.RecordReader
	n      int64
}

func (s *layoutSource) next() (*kgo.Record, error) {
	s.n++
	r := &kgo.Record{Partition: record.AnyPartition}
	err := s.reader.ReadRecordInto(r)
	switch {
	case err == io.EOF:
		return nil, io.EOF
	case err != nil:
		return nil, fmt.Errorf("record %d does not fit --format: %w", s.n, err)
	}
	return s.dress(r), nil
}
