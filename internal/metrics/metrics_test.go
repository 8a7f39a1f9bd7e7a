package metrics

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parse reads a text with Prometheus's own parser.
func parse(t testing.TB, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	out, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return out
}

// The text of all kinds, to the byte.
func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Begin(&Family{Name: "a_total", Kind: KindCounter, Labels: []string{"x", "y"}, Help: `back\slash "and"` + "\nline"})
	w.Int(1)
	w.Int(2, "", "only y")
	w.Value(2.5, "a\"b\\c\nd", "e")
	w.Begin(&Family{Name: "b", Kind: KindHistogram, Labels: []string{"x"}, Help: "h"})
	var h Histogram
	for _, v := range []int64{1, 4, 5, 8} {
		h.Record(v)
	}
	var s Snapshot
	s.Add(&h)
	w.Histogram(&s, 0.5, "q")
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := `# HELP a_total back\\slash "and"\nline
# TYPE a_total counter
a_total 1
a_total{y="only y"} 2
a_total{x="a\"b\\c\nd",y="e"} 2.5
# HELP b h
# TYPE b histogram
b_bucket{x="q",le="2"} 2
b_bucket{x="q",le="4"} 4
b_bucket{x="q",le="+Inf"} 4
b_sum{x="q"} 9
b_count{x="q"} 4
`
	if b.String() != want {
		t.Fatalf("got\n%s\nwant\n%s", &b, want)
	}
	parse(t, b.Bytes())
}

// A family that is not written in one go, or with labels it does not have, is our mistake.
func TestWriterBugs(t *testing.T) {
	f := &Family{Name: "a", Labels: []string{"x"}}
	for name, run := range map[string]func(w *Writer){
		"twice":           func(w *Writer) { w.Begin(f); w.Begin(f) },
		"too many labels": func(w *Writer) { w.Begin(f); w.Int(1, "a", "b") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("no panic")
				}
			}()
			run(NewWriter(&bytes.Buffer{}))
		})
	}
}

type failing struct{ n int }

var errNo = errors.New("no")

func (f *failing) Write(p []byte) (int, error) { f.n++; return 0, errNo }

// The first error of the destination ends the writing and is what Flush returns.
func TestWriterError(t *testing.T) {
	f := &failing{}
	w := NewWriter(f)
	w.Begin(&Family{Name: "a"})
	for range 100_000 {
		w.Int(1)
	}
	if err := w.Flush(); !errors.Is(err, errNo) || f.n != 1 {
		t.Fatalf("error %v after %d writes", err, f.n)
	}
}

// Every value lies in the bucket whose bounds enclose it, and bounds grow.
func TestBuckets(t *testing.T) {
	for i := 1; i < buckets; i++ {
		if upper(i) <= upper(i-1) {
			t.Fatalf("bucket %d ends at %v, the one before at %v", i, upper(i), upper(i-1))
		}
	}
	check := func(v int64) {
		i := bucketOf(v)
		if float64(v) > upper(i) && i != buckets-1 || i > 0 && float64(v) <= upper(i-1) {
			t.Fatalf("%d is in bucket %d, which ends at %v", v, i, upper(i))
		}
	}
	for v := int64(0); v < 10_000; v++ {
		check(v)
	}
	for e := range 63 {
		for d := int64(-1); d <= 1; d++ {
			check(max(int64(1)<<e+d, 0))
		}
	}
	check(math.MaxInt64)
}

// Quantiles are within an eighth of those of the sorted values, at any scale.
func TestQuantile(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, most := range []int64{10, 1000, 1_000_000, 1 << 33} {
		var h Histogram
		values := make([]int64, 5000)
		for i := range values {
			values[i] = 1 + r.Int64N(most)
			h.Record(values[i])
		}
		slices.Sort(values)
		var s Snapshot
		s.Add(&h)
		for _, q := range quantiles {
			exact := float64(values[int(q*float64(len(values)-1))])
			if got := s.Quantile(q); most < 1<<31 && math.Abs(got-exact) > exact/8+1 {
				t.Errorf("up to %d: quantile %v is %v, exactly %v", most, q, got, exact)
			}
		}
	}
	if got := (&Snapshot{}).Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

// Feeding a histogram allocates nothing.
func TestRecordAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Record(12345) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// The process's families are parsed by Prometheus's parser, and those that every system has are there.
func TestProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		w := NewWriter(&b)
		Process(w, time.UnixMilli(1_700_000_000_500))
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		got := parse(t, b.Bytes())
		for _, f := range ProcessFamilies() {
			if strings.HasPrefix(f.Name, "go_") && got[f.Name] == nil {
				t.Errorf("no %s", f.Name)
			}
		}
		if v := got["process_start_time_seconds"].Metric[0].Gauge.GetValue(); v != 1_700_000_000.5 {
			t.Errorf("started at %v", v)
		}
		if v := got["go_goroutines"].Metric[0].Gauge.GetValue(); v < 1 {
			t.Errorf("%v goroutines", v)
		}
	})
}

// Whatever a label holds (names come from clients), the text is valid and the parser reads the label back.
func FuzzLabel(f *testing.F) {
	for _, s := range []string{"a", `"`, `\`, "\n", "\r", "{}", "\xff", "x\x00y", "日本", `a\"} 1`} {
		f.Add(s, 1.5)
	}
	f.Fuzz(func(t *testing.T, label string, v float64) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			v = 0
		}
		var b bytes.Buffer
		w := NewWriter(&b)
		w.Begin(&Family{Name: "a", Kind: KindGauge, Labels: []string{"x", "y"}, Help: label})
		w.Value(v, label, "z")
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		m := parse(t, b.Bytes())["a"].Metric
		if len(m) != 1 || m[0].Gauge.GetValue() != v {
			t.Fatalf("read back %v, wrote %v", m, v)
		}
		for _, l := range m[0].Label {
			if want := string([]rune(label)); l.GetName() == "x" && l.GetValue() != want {
				t.Fatalf("read back %q, want %q", l.GetValue(), want)
			}
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	for i := 0; b.Loop(); i++ {
		h.Record(int64(i))
	}
}
