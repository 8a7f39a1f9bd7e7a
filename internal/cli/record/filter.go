package record

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Filter is which records somebody wants: those that match all of it. A nil key or value matches nothing.
type Filter struct {
	key, value *regexp.Regexp
	headers    []headerFilter
}

type headerFilter struct {
	key   string
	value *regexp.Regexp // nil: any, null too
}

// NewFilter reads regular expressions for keys and values ("" for any), and headers as KEY or KEY=EXPRESSION.
func NewFilter(key, value string, headers []string) (f Filter, err error) {
	if f.key, err = compile("key", key); err != nil {
		return f, err
	}
	if f.value, err = compile("value", value); err != nil {
		return f, err
	}
	for _, h := range headers {
		name, text, ok := strings.Cut(h, "=")
		hf := headerFilter{key: name}
		if ok {
			if hf.value, err = regexp.Compile(text); err != nil {
				return f, fmt.Errorf("header %s: %w", name, err)
			}
		}
		f.headers = append(f.headers, hf)
	}
	return f, nil
}

func compile(what, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return re, nil
}

// Wants reports whether a record matches.
func (f Filter) Wants(r *kgo.Record) bool {
	if f.key != nil && (r.Key == nil || !f.key.Match(r.Key)) || f.value != nil && (r.Value == nil || !f.value.Match(r.Value)) {
		return false
	}
	for _, h := range f.headers {
		if !h.in(r.Headers) {
			return false
		}
	}
	return true
}

func (h headerFilter) in(headers []kgo.RecordHeader) bool {
	for _, x := range headers {
		if x.Key == h.key && (h.value == nil || x.Value != nil && h.value.Match(x.Value)) {
			return true
		}
	}
	return false
}
