package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrHistory wraps what makes a history impossible to judge: a mistake of the recorder.
var ErrHistory = errors.New("history cannot be judged")

// defaultMaxPerKind bounds the listed anomalies of one kind.
const defaultMaxPerKind = 32

// maxOps bounds Anomaly.Ops.
const maxOps = 16

// Options of Check. The zero value is right for a history whose final phase read every key to
// its end and whose logs were never cut from below.
type Options struct {
	// MaxPerKind bounds how many anomalies of one kind are listed; 0 is 32, negative is no bound.
	// What Kafka allows is bounded apart from violations. Counts are always complete.
	MaxPerKind int
	// NoFinalReads says that the clients stopped without reading every key to its end: Unseen is
	// then allowed.
	NoFinalReads bool
	// LogStart is the log start offset of keys by id at the end of the history, as retention or
	// DeleteRecords left it: what lies below may be missing. Short or nil is 0.
	LogStart []int64
}

// Where is the place of an anomaly in a log. Offset is NoOffset when it has none.
type Where struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Value     Value  `json:"value"`
}

// Anomaly is one finding.
type Anomaly struct {
	Kind Kind `json:"kind"`
	// Allowed is why Kafka permits it, empty for a violation.
	Allowed string `json:"allowed,omitempty"`
	Where   Where  `json:"where"`
	// Ops are the operations that show it, in the order of the explanation; at most 16.
	Ops         []OpID `json:"ops"`
	Explanation string `json:"explanation"`
}

// Count is how often a kind was found.
type Count struct {
	Violations int `json:"violations"`
	Allowed    int `json:"allowed"`
}

// Report is the verdict on a history.
type Report struct {
	// Anomalies by kind in the order of the kinds; inside a kind in the order of the log or of
	// the operations.
	Anomalies []Anomaly
	Counts    [NumKinds]Count
}

// Valid reports whether there is no violation.
func (r *Report) Valid() bool { return len(r.Kinds()) == 0 }

// Kinds are the kinds with violations, in their order.
func (r *Report) Kinds() []Kind {
	var kinds []Kind
	for k, c := range r.Counts {
		if c.Violations > 0 {
			kinds = append(kinds, Kind(k))
		}
	}
	return kinds
}

// String is one line for each kind with violations, each followed by its listed anomalies; "valid"
// if there are none.
func (r *Report) String() string {
	var b strings.Builder
	for _, k := range r.Kinds() {
		fmt.Fprintf(&b, "%s: %d\n", k, r.Counts[k].Violations)
		for _, a := range r.Anomalies {
			if a.Kind == k && a.Allowed == "" {
				fmt.Fprintf(&b, "  %s/%d: %s\n", a.Where.Topic, a.Where.Partition, a.Explanation)
			}
		}
	}
	if b.Len() == 0 {
		return "valid\n"
	}
	return b.String()
}

// MarshalJSON is the verdict for machines: {"valid", "counts" by kind, "anomalies"}. Kinds that were
// not found have no count.
func (r *Report) MarshalJSON() ([]byte, error) {
	counts := map[string]Count{} // encoding/json sorts the names
	for k, c := range r.Counts {
		if c != (Count{}) {
			counts[Kind(k).String()] = c
		}
	}
	return json.Marshal(struct {
		Valid     bool             `json:"valid"`
		Counts    map[string]Count `json:"counts"`
		Anomalies []Anomaly        `json:"anomalies"`
	}{r.Valid(), counts, r.Anomalies})
}

// Check judges a history, which it only reads. Time is linear in the micro-operations but for one
// sort of the values; memory is about 60 bytes per value, 5 per operation, 25 per operation that
// sends and 20 per dependency between two of them. Errors wrap ErrHistory. Definitions follow the
// kafka workload of Jepsen; docs/format/history.md says where and why they differ.
func Check(h *History, o Options) (*Report, error) {
	x, err := newIndex(h, o)
	if err != nil {
		return nil, err
	}
	c := newCollector(x)
	checkValues(x, c)
	checkOffsets(x, c)
	checkOrder(x, c)
	checkCycles(x, c)
	return c.report(), nil
}

// collector bounds what is listed and counts the rest.
type collector struct {
	x      *index
	max    int
	lists  [NumKinds][]Anomaly
	listed [NumKinds]Count
	counts [NumKinds]Count
}

func newCollector(x *index) *collector {
	c := &collector{x: x, max: x.o.MaxPerKind}
	if c.max == 0 {
		c.max = defaultMaxPerKind
	}
	return c
}

// add counts an anomaly and lists it if there is room; only then it is explained.
func (c *collector) add(kind Kind, allowed string, w Where, ops []OpID, explain func() string) {
	count, listed := &c.counts[kind].Violations, &c.listed[kind].Violations
	if allowed != "" {
		count, listed = &c.counts[kind].Allowed, &c.listed[kind].Allowed
	}
	*count++
	if c.max >= 0 && *listed >= c.max {
		return
	}
	*listed++
	c.lists[kind] = append(c.lists[kind], Anomaly{
		Kind: kind, Allowed: allowed, Where: w, Ops: append([]OpID(nil), ops[:min(len(ops), maxOps)]...), Explanation: explain(),
	})
}

// where is the place of a value.
func (c *collector) where(v uint32, offset int64) Where {
	tp := c.x.h.keys[c.x.key(v)]
	return Where{tp.Topic, tp.Partition, offset, c.x.value(v)}
}

func (c *collector) report() *Report {
	r := &Report{Counts: c.counts}
	for _, list := range c.lists {
		r.Anomalies = append(r.Anomalies, list...)
	}
	return r
}
