package kafkatool

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxLine bounds a line of input in bytes; no broker takes a record as large.
const maxLine = 256 << 20

// lineReader makes records of lines, as Kafka's LineMessageReader: headers, key and value, each
// ended by its separator, the first two only if asked for.
type lineReader struct {
	topic            string
	parseKey         bool
	parseHeaders     bool
	keySeparator     string
	headersDelimiter string // between the headers and the rest
	headersSeparator string // between two headers: a regular expression
	headerSeparator  string // between a header's key and value
	ignoreError      bool
	hasNull          bool
	nullMarker       string
	headers          *regexp.Regexp
	line             int
}

func newLineReader(topic string, props map[string]string) (*lineReader, error) {
	r := &lineReader{topic: topic, keySeparator: "\t", headersDelimiter: "\t", headersSeparator: ",", headerSeparator: ":"}
	r.parseKey, r.parseHeaders, r.ignoreError = truth(props["parse.key"]), truth(props["parse.headers"]), truth(props["ignore.error"])
	for key, to := range map[string]*string{"key.separator": &r.keySeparator, "headers.delimiter": &r.headersDelimiter,
		"headers.separator": &r.headersSeparator, "headers.key.separator": &r.headerSeparator} {
		if v, ok := props[key]; ok {
			*to = v
		}
	}
	r.nullMarker, r.hasNull = props["null.marker"]
	if err := r.distinct(); err != nil {
		return nil, err
	}
	var err error
	if r.headers, err = regexp.Compile(r.headersSeparator); err != nil {
		return nil, fmt.Errorf("headers.separator is no regular expression: %w", err)
	}
	return r, nil
}

// truth reads a boolean as Java's Boolean does: anything but true is false.
func truth(v string) bool { return strings.EqualFold(strings.TrimSpace(v), "true") }

// distinct refuses separators that could not be told apart.
func (r *lineReader) distinct() error {
	same := func(a, b, nameA, nameB string) error {
		if a == b {
			return fmt.Errorf("%s and %s may not be equal", nameA, nameB)
		}
		return nil
	}
	checks := []error{
		same(r.headersDelimiter, r.headersSeparator, "headers.delimiter", "headers.separator"),
		same(r.headersDelimiter, r.headerSeparator, "headers.delimiter", "headers.key.separator"),
		same(r.headersSeparator, r.headerSeparator, "headers.separator", "headers.key.separator"),
	}
	if r.hasNull {
		checks = append(checks,
			same(r.nullMarker, r.keySeparator, "null.marker", "key.separator"),
			same(r.nullMarker, r.headersSeparator, "null.marker", "headers.separator"),
			same(r.nullMarker, r.headersDelimiter, "null.marker", "headers.delimiter"),
			same(r.nullMarker, r.headerSeparator, "null.marker", "headers.key.separator"))
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// record parses one line.
func (r *lineReader) record(line string) (*kgo.Record, error) {
	r.line++
	rec := &kgo.Record{Topic: r.topic}
	rest := line
	headers, hasHeaders, err := r.take(r.parseHeaders, line, &rest, r.headersDelimiter, "headers delimiter")
	if err != nil {
		return nil, err
	}
	key, hasKey, err := r.take(r.parseKey, line, &rest, r.keySeparator, "key separator")
	if err != nil {
		return nil, err
	}
	if hasKey {
		rec.Key = r.bytes(key)
	}
	rec.Value = r.bytes(rest)
	if hasHeaders && !(r.hasNull && headers == r.nullMarker) {
		rec.Headers, err = r.split(headers)
	}
	return rec, err
}

// take cuts a field off the front of rest.
func (r *lineReader) take(wanted bool, line string, rest *string, separator, name string) (field string, found bool, err error) {
	if !wanted {
		return "", false, nil
	}
	field, after, ok := strings.Cut(*rest, separator)
	if !ok {
		if r.ignoreError {
			return "", false, nil
		}
		return "", false, fmt.Errorf("No %s found on line number %d: '%s'", name, r.line, line)
	}
	*rest = after
	return field, true, nil
}

// bytes is a field's content; nil for the null marker.
func (r *lineReader) bytes(field string) []byte {
	if r.hasNull && field == r.nullMarker {
		return nil
	}
	return append([]byte{}, field...)
}

func (r *lineReader) split(text string) (headers []kgo.RecordHeader, err error) {
	pairs := r.headers.Split(text, -1)
	for len(pairs) > 1 && pairs[len(pairs)-1] == "" {
		pairs = pairs[:len(pairs)-1] // as Java's split
	}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, r.headerSeparator)
		switch {
		case !ok && r.ignoreError:
			headers = append(headers, kgo.RecordHeader{Key: pair})
		case !ok:
			return nil, fmt.Errorf("No header key separator found in pair '%s' on line number %d", pair, r.line)
		case r.hasNull && key == r.nullMarker:
			return nil, fmt.Errorf("Header keys should not be equal to the null marker '%s' as they can't be null", r.nullMarker)
		default:
			headers = append(headers, kgo.RecordHeader{Key: key, Value: r.bytes(value)})
		}
	}
	return headers, nil
}

// scanLines reads lines that end in \n, \r\n or \r, as Java's readLine.
func scanLines(in io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	afterCR := false // the last line ended in \r: a \n that follows belongs to it
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		skip := 0
		if afterCR && len(data) > 0 {
			afterCR = false
			if data[0] == '\n' {
				data, skip = data[1:], 1
			}
		}
		i := bytes.IndexAny(data, "\r\n")
		switch {
		case i >= 0:
			afterCR = data[i] == '\r'
			return skip + i + 1, data[:i], nil
		case atEOF && len(data) > 0:
			return skip + len(data), data, nil
		case skip > 0:
			return skip, nil, nil
		}
		return 0, nil, nil
	})
	return s
}
