package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// workload is an endless sequence of records, each a function of the seed and its number. The
// number can be read back from every record.
type workload struct {
	seed   uint64
	baseMs int64 // timestamp of record 0 in milliseconds
	// lines makes records that kcat can read from a file of lines: printable keys and values, no
	// headers of their own, timestamps from the client.
	lines bool
}

const (
	numberHeader = "n"     // header with the record's number in decimal
	largeEvery   = 10_007  // every so many records one is large
	largeBytes   = 600_000 // below max.message.bytes with everything around it
	stepMs       = 10      // between the timestamps of two records, before jitter
	jitterMs     = 35      // timestamps are not in order of offsets
	wrap         = 100_000 // records after which the timestamps begin again, lest they reach the future
	noTimestamp  = -1      // the client's clock gives it
)

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// record returns record number n.
func (w workload) record(n int) *kgo.Record {
	rng := rand.New(rand.NewPCG(w.seed, uint64(n)))
	if w.lines {
		return w.line(rng, n)
	}
	r := &kgo.Record{
		Key:     key(rng, n),
		Value:   value(rng, n),
		Headers: []kgo.RecordHeader{{Key: numberHeader, Value: []byte(strconv.Itoa(n))}},
	}
	if n%3 == 0 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "trace", Value: random(rng, 16)})
	}
	if n%5 == 0 { // a name twice, and a null
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "trace", Value: nil})
	}
	if n%7 == 0 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "", Value: []byte{}})
	}
	r.Timestamp = milli(w.timestampMs(n))
	return r
}

func (w workload) timestampMs(n int) int64 {
	if w.lines {
		return noTimestamp
	}
	rng := rand.New(rand.NewPCG(w.seed^0x7175ed, uint64(n)))
	return w.baseMs + int64(n%wrap)*stepMs + rng.Int64N(2*jitterMs) - jitterMs
}

// anHourAgo is a base from which no record reaches the future, which brokers refuse.
func anHourAgo() int64 { return time.Now().Add(-time.Hour).UnixMilli() }

func key(rng *rand.Rand, n int) []byte {
	switch {
	case n%11 == 0:
		return nil
	case n%13 == 0:
		return []byte{}
	case n%4 == 0:
		return random(rng, 16)
	}
	return fmt.Appendf(nil, "key-%03d", rng.IntN(500))
}

func value(rng *rand.Rand, n int) []byte {
	switch {
	case n%largeEvery == largeEvery-1:
		return random(rng, largeBytes)
	case n%97 == 0:
		return nil
	case n%89 == 0:
		return []byte{}
	case n%2 == 0:
		return random(rng, rng.IntN(300))
	}
	return prose(rng, 10+rng.IntN(400))
}

// line is a record that survives a file of lines with tabs behind the keys.
func (w workload) line(rng *rand.Rand, n int) *kgo.Record {
	r := &kgo.Record{Value: fmt.Appendf(nil, "%d %s", n, prose(rng, rng.IntN(300)))}
	if n%10 != 3 {
		r.Key = fmt.Appendf(nil, "line-%c%c-%d", alphabet[rng.IntN(36)], alphabet[rng.IntN(36)], n%700)
	}
	return r
}

func random(rng *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// prose compresses well.
func prose(rng *rand.Rand, size int) []byte {
	words := [...]string{"river ", "deepest ", "line ", "offset ", "batch ", "water ", "mark "}
	var b bytes.Buffer
	for b.Len() < size {
		b.WriteString(words[rng.IntN(len(words))])
	}
	return b.Bytes()[:size]
}

// number reads back which record r is, or claims to be.
func (w workload) number(r *kgo.Record) (int, error) {
	var text string
	if w.lines {
		text, _, _ = strings.Cut(string(r.Value), " ")
	} else {
		if len(r.Headers) == 0 || r.Headers[0].Key != numberHeader {
			return 0, fmt.Errorf("foreign record: no number")
		}
		text = string(r.Headers[0].Value)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("foreign record: number %.40q", text)
	}
	return n, nil
}

// check compares a record that was read with what was written under its number.
func (w workload) check(r *kgo.Record) (n int, err error) {
	if n, err = w.number(r); err != nil {
		return 0, err
	}
	want := w.record(n)
	switch {
	case !same(r.Key, want.Key):
		return n, fmt.Errorf("record %d: key is %.80q, want %.80q", n, r.Key, want.Key)
	case !same(r.Value, want.Value):
		return n, fmt.Errorf("record %d: value of %d bytes is %.80q, want %d bytes %.80q",
			n, len(r.Value), r.Value, len(want.Value), want.Value)
	case w.lines:
		return n, nil
	case r.Timestamp.UnixMilli() != want.Timestamp.UnixMilli():
		return n, fmt.Errorf("record %d: timestamp is %d, want %d", n, r.Timestamp.UnixMilli(), want.Timestamp.UnixMilli())
	case len(r.Headers) != len(want.Headers):
		return n, fmt.Errorf("record %d: %d headers, want %d", n, len(r.Headers), len(want.Headers))
	}
	for i, h := range r.Headers {
		if h.Key != want.Headers[i].Key || !same(h.Value, want.Headers[i].Value) {
			return n, fmt.Errorf("record %d: header %d is %q=%q, want %q=%q",
				n, i, h.Key, h.Value, want.Headers[i].Key, want.Headers[i].Value)
		}
	}
	return n, nil
}

// same tells null from empty.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// TestWorkload shows that the check sees every kind of difference: else all that hangs on it
// would be green for nothing.
func TestWorkload(t *testing.T) {
	for _, w := range []workload{{seed: 1, baseMs: 1e12}, {seed: 1, lines: true}} {
		for n := range 2000 {
			r := w.record(n)
			if got, err := w.check(r); err != nil || got != n {
				t.Fatalf("record %d is not its own: %d, %v", n, got, err)
			}
		}
	}
	w := workload{seed: 1, baseMs: 1e12}
	for name, spoil := range map[string]func(r *kgo.Record){
		"number of another":  func(r *kgo.Record) { r.Headers[0].Value = []byte("16") },
		"no number":          func(r *kgo.Record) { r.Headers = r.Headers[1:] },
		"number is a word":   func(r *kgo.Record) { r.Headers[0].Value = []byte("x") },
		"byte of the value":  func(r *kgo.Record) { r.Value[3] ^= 1 },
		"value cut":          func(r *kgo.Record) { r.Value = r.Value[1:] },
		"value null":         func(r *kgo.Record) { r.Value = nil },
		"byte of the key":    func(r *kgo.Record) { r.Key[1] ^= 1 },
		"key null":           func(r *kgo.Record) { r.Key = nil },
		"timestamp":          func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(1e6) },
		"header missing":     func(r *kgo.Record) { r.Headers = r.Headers[:2] },
		"header null":        func(r *kgo.Record) { r.Headers[1].Value = nil },
		"null header filled": func(r *kgo.Record) { r.Headers[2].Value = []byte{} },
		"header name":        func(r *kgo.Record) { r.Headers[1].Key = "Trace" },
	} {
		r := w.record(15) // has a key, a value and three headers
		spoil(r)
		if n, err := w.check(r); err == nil {
			t.Errorf("%s: passed as record %d", name, n)
		}
	}
	if r, other := w.record(3), (workload{seed: 2, baseMs: 1e12}); true {
		if _, err := other.check(r); err == nil {
			t.Error("a record of another seed passed")
		}
	}
}
