package main

import (
	"bytes"
	"fmt"
	"slices"
)

// header is a header of a record; a nil value is null.
type header struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

// record is a record as the programs write it; nil is null.
type record struct {
	Offset  int64    `json:"offset"`
	TS      int64    `json:"ts"` // milliseconds
	Key     []byte   `json:"key"`
	Value   []byte   `json:"value"`
	Headers []header `json:"headers"`
}

// differs says what differs between two records beside offset and timestamp; nil if nothing does.
func (r record) differs(from record) error {
	if err := differ(r.Key, from.Key); err != nil {
		return fmt.Errorf("the key is %w", err)
	}
	if err := differ(r.Value, from.Value); err != nil {
		return fmt.Errorf("the value is %w", err)
	}
	same := func(a, b header) bool { return a.Name == b.Name && differ(a.Value, b.Value) == nil }
	if !slices.EqualFunc(r.Headers, from.Headers, same) {
		return fmt.Errorf("the headers are %q, not %q", r.Headers, from.Headers)
	}
	return nil
}

// differ keeps null apart from empty.
func differ(a, b []byte) error {
	if bytes.Equal(a, b) && (a == nil) == (b == nil) {
		return nil
	}
	return fmt.Errorf("%s, not %s", brief(a), brief(b))
}

func brief(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%.40q (%d bytes)", b, len(b))
}

// recordsDiffer says what differs between two lists; nil if nothing does.
func recordsDiffer(got, want []record) error {
	for i := range want {
		if i == len(got) {
			break
		}
		if err := got[i].differs(want[i]); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d records, not %d", len(got), len(want))
	}
	return nil
}
