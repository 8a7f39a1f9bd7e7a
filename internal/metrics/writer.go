package metrics

import (
	"io"
	"math"
	"strconv"
)

// flushAt is how much text is collected before it is handed on.
const flushAt = 32 << 10

// Writer writes Prometheus's text format, version 0.0.4. Use it for one scrape:
//
//	w := metrics.NewWriter(dst)
//	w.Begin(&family)
//	w.Value(1, "orders", "0")
//	err := w.Flush()
type Writer struct {
	dst     io.Writer
	buf     []byte
	family  *Family
	written map[*Family]bool
	err     error // the first one; everything after it is dropped
}

// NewWriter returns a writer to dst, whose first error Flush returns.
func NewWriter(dst io.Writer) *Writer {
	return &Writer{dst: dst, written: make(map[*Family]bool)}
}

// ContentType is what a server says of the text.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Begin starts a family. The samples that follow are its own. It panics if the family was written before.
func (w *Writer) Begin(f *Family) {
	if w.written[f] {
		panic("BUG: the samples of " + f.Name + " are not written together")
	}
	w.written[f], w.family = true, f
	w.buf = append(w.buf, "# HELP "...)
	w.buf = append(w.buf, f.Name...)
	w.buf = append(w.buf, ' ')
	w.buf = appendEscaped(w.buf, f.Help, false)
	w.buf = append(w.buf, "\n# TYPE "...)
	w.buf = append(w.buf, f.Name...)
	w.buf = append(w.buf, ' ')
	w.buf = append(w.buf, f.Kind.String()...)
	w.buf = append(w.buf, '\n')
}

// Value writes a sample. values are those of the family's labels, in order; a label whose value is "" or
// is not given is left out, which for Prometheus is the same.
func (w *Writer) Value(v float64, values ...string) {
	w.sample("", v, "", 0, values)
}

// Int is Value of an integer.
func (w *Writer) Int(v int64, values ...string) { w.sample("", float64(v), "", 0, values) }

// Bool is 1 for true and 0 for false.
func (w *Writer) Bool(v bool, values ...string) {
	n := 0.0
	if v {
		n = 1
	}
	w.sample("", n, "", 0, values)
}

// quantiles are those that a summary has, Kafka's percentiles.
var quantiles = [...]float64{0.5, 0.75, 0.95, 0.98, 0.99, 0.999}

// Summary writes quantiles, sum and count of what a histogram has seen, with values times scale.
func (w *Writer) Summary(s *Snapshot, scale float64, values ...string) {
	for _, q := range quantiles {
		w.sample("", s.Quantile(q)*scale, "quantile", q, values)
	}
	w.sample("_sum", float64(s.Sum)*scale, "", 0, values)
	w.sample("_count", float64(s.Count), "", 0, values)
}

// Histogram writes cumulative buckets, one per power of two up to the largest value seen, sum and count, with
// values times scale.
func (w *Writer) Histogram(s *Snapshot, scale float64, values ...string) {
	below := uint64(0)
	for i := range s.counts {
		below += s.counts[i]
		if last := i+1 == len(s.counts); !last && (i+1)%steps == 0 {
			w.sample("_bucket", float64(below), "le", upper(i)*scale, values)
			if below == s.Count {
				break
			}
		}
	}
	w.sample("_bucket", float64(s.Count), "le", math.Inf(1), values)
	w.sample("_sum", float64(s.Sum)*scale, "", 0, values)
	w.sample("_count", float64(s.Count), "", 0, values)
}

// sample writes one line. extra is a label beside the family's own, with a number as its value.
func (w *Writer) sample(suffix string, v float64, extra string, number float64, values []string) {
	f := w.family
	if len(values) > len(f.Labels) {
		panic("BUG: " + f.Name + " has fewer labels than that")
	}
	b := append(w.buf, f.Name...)
	b = append(b, suffix...)
	sep := byte('{')
	for i, value := range values {
		if value == "" {
			continue
		}
		b = append(b, sep)
		b = append(b, f.Labels[i]...)
		b = append(b, '=', '"')
		b = appendEscaped(b, value, true)
		b = append(b, '"')
		sep = ','
	}
	if extra != "" {
		b = append(b, sep)
		b = append(b, extra...)
		b = append(b, '=', '"')
		b = appendNumber(b, number)
		b = append(b, '"')
		sep = ','
	}
	if sep == ',' {
		b = append(b, '}')
	}
	b = append(b, ' ')
	b = appendNumber(b, v)
	w.buf = append(b, '\n')
	if len(w.buf) >= flushAt {
		_ = w.Flush() // the error stays
	}
}

// Flush writes what was collected and returns the first error.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.dst.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

func appendNumber(b []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case v == math.Trunc(v) && math.Abs(v) < 1<<53:
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendEscaped appends text; quoted says that it stands between quotation marks. What is not UTF-8 becomes U+FFFD.
func appendEscaped(b []byte, s string, quoted bool) []byte {
	for _, r := range s {
		switch {
		case r == '\\':
			b = append(b, '\\', '\\')
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '"' && quoted:
			b = append(b, '\\', '"')
		default:
			b = append(b, string(r)...)
		}
	}
	return b
}
