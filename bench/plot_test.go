package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPlots draws what there is, says where it was measured, and is well-formed; a broker that has no value has no bar.
func TestPlots(t *testing.T) {
	q := func(v float64) *Quartiles { return &Quartiles{v * 0.9, v, v * 1.1} }
	r := &Report{Machine: Machine{Processor: "<processor>", Commit: "abcdef"}, Brokers: []About{{"a", "this & that"}, {"b", ""}}, Turns: 3, Scale: 0.5,
		Rows: []Row{
			{ID: "P1", Title: "one", Unit: "CPU s/GiB", Cells: []Cell{{Broker: "a", Value: q(0.5)}, {Broker: "b", Value: q(100), Ratio: q(200)}}},
			{ID: "P2", Title: strings.Repeat("long ", 30), Unit: "CPU s/GiB", Cells: []Cell{{Broker: "a", Value: q(0.7)}, {Broker: "b", Failed: "no"}}},
			{ID: "P3", Failed: "nothing"}},
		Curves: []Curve{{ID: "A1", Title: "acks", Broker: "a", Count: 1000, Points: []CurvePoint{{0, 5}, {50, 10}, {99, 100}, {100, 20000}}},
			{ID: "A1", Title: "acks", Broker: noopName, Count: 1000, Points: []CurvePoint{{0, 5}, {50, 6}, {99, 10}, {100, 20}}}}}
	dir := filepath.Join(t.TempDir(), "new")
	if err := r.WritePlots(dir); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	plots := r.Plots()
	if names := slices.Sorted(maps.Keys(plots)); !slices.Equal(names, []string{"cpu-per-gib.svg", "latency-A1.svg", "ratios.svg"}) {
		t.Fatalf("%q", names)
	}
	for name, text := range plots {
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for _, want := range []string{"abcdef", "&lt;processor&gt;", "scale 0.5", "this &amp; that"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
	}
	count := func(name, what string, want int) {
		if n := strings.Count(plots[name], what); n != want {
			t.Errorf("%s: %d times %q, want %d", name, n, what, want)
		}
	}
	count("cpu-per-gib.svg", `height="12.0" fill=`, 3+2) // bars, and the legend
	count("cpu-per-gib.svg", "(logarithmic)", 1)
	count("ratios.svg", `height="12.0" fill=`, 1+1)
	count("latency-A1.svg", "<polyline", 2)
	count("latency-A1.svg", ">no-op</text>", 1)
}

// TestAxis: values stand in their order within the room there is.
func TestAxis(t *testing.T) {
	for _, values := range [][]float64{{1, 2, 19}, {0.01, 5, 3000}, {7}, {0.2, 0.3}} {
		a := newAxis(values, 100, 500)
		before := 99.0
		for _, v := range slices.Sorted(slices.Values(values)) {
			if at := a.at(v); at <= before || at > 500 {
				t.Errorf("%v: %v at %v, the one before at %v", values, v, at, before)
			} else {
				before = at
			}
		}
		if n := len(a.ticks()); n < 2 || n > 12 {
			t.Errorf("%v: %v", values, a.ticks())
		}
	}
}
