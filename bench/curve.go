package bench

import "github.com/HdrHistogram/hdrhistogram-go"

// Curve is how long things took with one broker in one scenario, over all turns that count.
type Curve struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Broker string `json:"broker"`
	Count  int64  `json:"count"`
	// Points go from the shortest to the longest.
	Points []CurvePoint `json:"points"`
}

// CurvePoint says that this share of them, in per cent, took no longer than so many microseconds.
type CurvePoint struct {
	Percentile   float64 `json:"percentile"`
	Microseconds float64 `json:"microseconds"`
}

// curvePercentiles are those of a curve, more of them the nearer they are to all.
var curvePercentiles = []float64{0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 92.5, 95, 96, 97, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99, 99.995, 99.999, 100}

func curvesOf(s scenario, all []*outcome) []Curve {
	var curves []Curve
	for _, o := range all {
		h := newHistogram()
		for _, sample := range o.samples {
			if sample.latency != nil {
				h.Merge(sample.latency)
			}
		}
		if h.TotalCount() > 0 {
			curves = append(curves, Curve{s.id, s.title, o.st.maker.Name, h.TotalCount(), pointsOf(h)})
		}
	}
	return curves
}

// pointsOf leaves out what too few values were taken for.
func pointsOf(h *hdrhistogram.Histogram) []CurvePoint {
	var points []CurvePoint
	for _, p := range curvePercentiles {
		if beyond := float64(h.TotalCount()) * (100 - p) / 100; p < 100 && beyond < 1 {
			continue
		}
		points = append(points, CurvePoint{p, microseconds(h.ValueAtQuantile(p))})
	}
	return points
}
