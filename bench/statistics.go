package bench

import "slices"

// Quartiles are the middle of some values: half of them lie between Q1 and Q3.
type Quartiles struct {
	Q1     float64 `json:"q1"`
	Median float64 `json:"median"`
	Q3     float64 `json:"q3"`
}

// quartiles of at least one value, linear between neighbours.
func quartiles(values []float64) Quartiles {
	sorted := slices.Sorted(slices.Values(values))
	at := func(share float64) float64 {
		x := share * float64(len(sorted)-1)
		i := int(x)
		if i+1 == len(sorted) {
			return sorted[i]
		}
		return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
	}
	return Quartiles{at(0.25), at(0.5), at(0.75)}
}
