package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// AnyPartition is the partition of a record that does not name one.
const AnyPartition = -1

// line is one record as JSON has it.
type line struct {
	Topic       string   `json:"topic"`
	Partition   *int32   `json:"partition"`
	Offset      int64    `json:"offset"`
	Timestamp   *int64   `json:"timestamp"`
	Key         *string  `json:"key"`
	KeyBase64   *[]byte  `json:"key_base64"`
	Value       *string  `json:"value"`
	ValueBase64 *[]byte  `json:"value_base64"`
	Headers     []header `json:"headers"`
}

type header struct {
	Key         *string `json:"key"`
	KeyBase64   *[]byte `json:"key_base64"`
	Value       *string `json:"value"`
	ValueBase64 *[]byte `json:"value_base64"`
}

// Parse reads one line. A record without a partition has AnyPartition, one without a timestamp the zero time.
// Topic and offset say where it came from. Members that are missing are null.
func Parse(text []byte) (*kgo.Record, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8; bytes go into key_base64 and value_base64")
	}
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return nil, explain(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON object on the line")
	}
	r := &kgo.Record{Topic: l.Topic, Partition: AnyPartition, Offset: l.Offset}
	if l.Partition != nil {
		if r.Partition = *l.Partition; r.Partition < 0 {
			return nil, fmt.Errorf("partition is %d", r.Partition)
		}
	}
	if l.Timestamp != nil {
		r.Timestamp = time.UnixMilli(*l.Timestamp)
	}
	var err error
	if r.Key, err = one("key", l.Key, l.KeyBase64); err != nil {
		return nil, err
	}
	if r.Value, err = one("value", l.Value, l.ValueBase64); err != nil {
		return nil, err
	}
	for _, h := range l.Headers {
		if err := addHeader(r, h); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func addHeader(r *kgo.Record, h header) error {
	key, err := one("key of a header", h.Key, h.KeyBase64)
	if err != nil {
		return err
	}
	if key == nil {
		return errors.New("a header has no key")
	}
	value, err := one("value of a header", h.Value, h.ValueBase64)
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(key), Value: value})
	return err
}

// one is the bytes that are given as text or in base64; nil for neither.
func one(what string, text *string, raw *[]byte) ([]byte, error) {
	switch {
	case text != nil && raw != nil:
		return nil, fmt.Errorf("the %s is there twice", what)
	case text != nil:
		return append([]byte{}, *text...), nil
	case raw != nil:
		return append([]byte{}, *raw...), nil
	}
	return nil, nil
}

// explain says in words of JSON what Go's decoder says in words of Go.
func explain(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%q cannot be a JSON %s", kind.Field, kind.Value)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the JSON object is not complete")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}
