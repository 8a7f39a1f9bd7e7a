package metrics

// Kind is how a family's samples are to be read.
type Kind uint8

// Kinds of the text format.
const (
	KindCounter   Kind = iota // rises only, from 0 at the start of the process
	KindGauge                 // goes up and down
	KindSummary               // quantiles with sum and count
	KindHistogram             // cumulative buckets with sum and count
)

// String is the word of the text format.
func (k Kind) String() string { return [...]string{"counter", "gauge", "summary", "histogram"}[k] }

// Family is one metric name with all its samples. Declare it once, as a variable.
type Family struct {
	Name   string
	Kind   Kind
	Unit   string   // of the values, for the reader of a page: "bytes", "ms", "seconds"; "" is a number of things
	Labels []string // names, in the order in which values are given to Writer
	Help   string   // one sentence
}
