package history

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"sort"
	"time"
)

// Bounds of the report.
const (
	htmlKeys     = 64  // timelines
	htmlRows     = 300 // rows of one timeline
	htmlReads    = 48  // reads shown in a row
	htmlContext  = 3   // rows kept on either side of an anomaly when there are too many
	htmlFaults   = 500
	htmlWidth    = 900 // of the time axis
	htmlLeft     = 120 // of the labels
	htmlRowSize  = 14
	htmlMinWidth = 3 // of a bar
)

//go:embed report.html
var reportText string

var reportPage = template.Must(template.New("report").Parse(reportText))

// WriteHTML writes the report for people: the verdict, every listed anomaly with its operations,
// and one timeline for each key, first those with anomalies. Time runs to the right, offsets run
// down; a bar is a send from its invocation to its return, a dot is a read. The page needs no other
// file, and all text from the history is escaped. Large keys are cut down to what surrounds their
// anomalies. It only reads h and r.
func WriteHTML(w io.Writer, h *History, r *Report) error {
	x, err := newIndex(h, Options{})
	if err != nil {
		return err
	}
	p := &page{x: x, r: r}
	p.scale()
	p.Verdict = "valid"
	if !r.Valid() {
		p.Verdict = "invalid"
	}
	p.count()
	for _, a := range r.Anomalies {
		p.Anomalies = append(p.Anomalies, p.anomaly(a))
	}
	p.faults()
	p.timelines()
	return reportPage.Execute(w, p)
}

// page is what the template shows.
type page struct {
	x          *index
	r          *Report
	begin, end int64

	Verdict        string
	Ops, Keys      int
	Sends, Reads   int
	Length         time.Duration
	Kinds          []kindRow
	Anomalies      []anomalyRow
	Faults         []bar
	Timelines      []timeline
	MissingKeys    int
	Width, LabelAt int
}

type kindRow struct {
	Kind  Kind
	Count Count
}

type anomalyRow struct {
	Anomaly
	Class string
	Lines []string
}

// bar is a rectangle or, with W 0, a dot.
type bar struct {
	X, Y, W, H int
	Class      string
	Title      string
}

type row struct {
	Y, TextY int
	Label    string
	Marked   bool
	Bars     []bar
	Dots     []bar
}

type timeline struct {
	Name            string
	Values, Shown   int
	Highest         int64
	Height, Anomaly int
	Rows            []row
	Cut             bool
}

func (p *page) scale() {
	h := p.x.h
	p.Ops, p.Keys, p.Width, p.LabelAt = len(h.ops), len(h.keys), htmlLeft+htmlWidth+10, htmlLeft-6
	for i := range h.ops {
		op := &h.ops[i]
		if i == 0 {
			p.begin, p.end = op.Invoke, op.Invoke
		}
		p.end = max(p.end, op.Invoke)
		if op.Return != NoReturn {
			p.end = max(p.end, op.Return)
		}
		for _, m := range h.mopsOf(op) {
			switch m.Kind {
			case MopSend:
				p.Sends++
			case MopRead:
				p.Reads++
			}
		}
	}
	p.Length = time.Duration(p.end - p.begin)
}

// x0 is where a time stands.
func (p *page) x0(t int64) int {
	if p.end == p.begin {
		return htmlLeft
	}
	t = min(max(t, p.begin), p.end)
	return htmlLeft + int(float64(t-p.begin)/float64(p.end-p.begin)*htmlWidth)
}

func (p *page) count() {
	for k, c := range p.r.Counts {
		if c != (Count{}) {
			p.Kinds = append(p.Kinds, kindRow{Kind(k), c})
		}
	}
}

func (p *page) anomaly(a Anomaly) anomalyRow {
	row := anomalyRow{Anomaly: a, Class: "bad"}
	if a.Allowed != "" {
		row.Class = "allowed"
	}
	for _, id := range a.Ops {
		row.Lines = append(row.Lines, p.line(id))
	}
	return row
}

// line is one operation in words.
func (p *page) line(id OpID) string {
	op := p.x.h.Op(id)
	end := "never"
	if op.Return != NoReturn {
		end = time.Duration(op.Return - p.begin).String()
	}
	text := fmt.Sprintf("operation %d: %s %s, process %d of client %d, from %s to %s",
		id, op.F, op.Outcome, op.Process, op.Client, time.Duration(op.Invoke-p.begin), end)
	if note := p.x.h.Note(id); note != "" {
		text += ": " + note
	}
	return text
}

func (p *page) faults() {
	for id := range p.x.h.ops {
		op := &p.x.h.ops[id]
		if op.F != Fault || len(p.Faults) == htmlFaults {
			continue
		}
		b := p.span(op)
		b.Title = p.line(OpID(id))
		p.Faults = append(p.Faults, b)
	}
}

// span is where an operation stands on the axis.
func (p *page) span(op *Op) bar {
	x := p.x0(op.Invoke)
	return bar{X: x, W: max(p.x0(op.Return)-x, htmlMinWidth)}
}

// timelines draws keys with anomalies first, then the others, as far as there is room.
func (p *page) timelines() {
	marked := make([]map[uint32]bool, len(p.x.h.keys)) // by key: the values of anomalies
	for _, a := range p.r.Anomalies {
		k, ok := p.x.h.keyIDs[TopicPartition{a.Where.Topic, a.Where.Partition}]
		if !ok || a.Allowed != "" {
			continue
		}
		if marked[k] == nil {
			marked[k] = map[uint32]bool{}
		}
		if v, known := p.x.h.values.find(uint32(k), int64(a.Where.Value)); known {
			marked[k][v] = true
		}
	}
	var keys []Key
	for k := range p.x.h.keys {
		keys = append(keys, Key(k))
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return len(marked[b]) - len(marked[a]) })
	p.MissingKeys = max(len(keys)-htmlKeys, 0)
	reads := newReadIndex(p.x)
	for _, k := range keys[:min(len(keys), htmlKeys)] {
		p.Timelines = append(p.Timelines, p.timeline(k, marked[k], reads))
	}
}

// shown picks the rows of a key: all, or those near anomalies, or the first.
func (p *page) shown(values []uint32, marked map[uint32]bool) []uint32 {
	if len(values) <= htmlRows {
		return values
	}
	if len(marked) == 0 {
		return values[:htmlRows]
	}
	var list []uint32
	until := 0
	for i := range values {
		if !marked[values[i]] {
			continue
		}
		for j := max(i-htmlContext, until); j <= i+htmlContext && j < len(values); j++ {
			list = append(list, values[j])
			until = j + 1
		}
	}
	return list[:min(len(list), htmlRows)]
}

func (p *page) timeline(k Key, marked map[uint32]bool, reads *readIndex) timeline {
	x := p.x
	t := timeline{Name: x.h.keys[k].String(), Highest: x.bound[k], Anomaly: len(marked)}
	values := reads.values(k)
	sort.SliceStable(values, func(i, j int) bool {
		a, b := x.at[values[i]], x.at[values[j]]
		return a < b || a == b && values[i] < values[j]
	})
	shown := p.shown(values, marked)
	t.Values, t.Shown, t.Cut = len(values), len(shown), len(shown) < len(values)
	for i, v := range shown {
		t.Rows = append(t.Rows, p.row(v, i*htmlRowSize, marked[v], reads))
	}
	t.Height = len(shown)*htmlRowSize + 4
	return t
}

// row draws one value: who sent it and who read it.
func (p *page) row(v uint32, y int, marked bool, reads *readIndex) row {
	x := p.x
	r := row{Y: y, TextY: y + htmlRowSize - 4, Marked: marked, Label: fmt.Sprintf("?  %d", x.value(v))}
	if at := x.sentAt(v); at != NoOffset {
		r.Label = fmt.Sprintf("%d  %d", at, x.value(v))
	}
	if w := x.writer[v]; w != noOp {
		op := &x.h.ops[w]
		b := p.span(op)
		b.Y, b.H, b.Class, b.Title = y+2, htmlRowSize-4, op.Outcome.String(), p.line(w)
		r.Bars = append(r.Bars, b)
	}
	list := reads.of(v)
	for _, read := range list[:min(len(list), htmlReads)] {
		op := &x.h.ops[read.op]
		at := op.Return
		if at == NoReturn {
			at = op.Invoke
		}
		r.Dots = append(r.Dots, bar{X: p.x0(at), Y: y + htmlRowSize/2, Class: "read" + op.Outcome.String(),
			Title: fmt.Sprintf("read at offset %d by %s", read.offset, p.line(read.op))})
	}
	return r
}

// readIndex lists the reads of each value, and the values of each key.
type readIndex struct {
	start []uint32
	reads []readAt
	byKey [][]uint32
}

type readAt struct {
	op     OpID
	offset int64
}

func newReadIndex(x *index) *readIndex {
	r := &readIndex{start: make([]uint32, x.h.values.len()+1), byKey: make([][]uint32, len(x.h.keys))}
	total := 0
	each := func(f func(uint32, readAt)) {
		for id := range x.h.ops {
			for _, m := range x.h.Mops(OpID(id)) {
				if m.Kind == MopRead {
					f(m.ref, readAt{OpID(id), m.Offset})
				}
			}
		}
	}
	each(func(v uint32, _ readAt) { r.start[v+1]++; total++ })
	for v := range x.h.values.len() {
		r.start[v+1] += r.start[v]
		k := x.key(uint32(v))
		r.byKey[k] = append(r.byKey[k], uint32(v))
	}
	r.reads = make([]readAt, total)
	next := slices.Clone(r.start)
	each(func(v uint32, read readAt) { r.reads[next[v]] = read; next[v]++ })
	return r
}

func (r *readIndex) of(v uint32) []readAt  { return r.reads[r.start[v]:r.start[v+1]] }
func (r *readIndex) values(k Key) []uint32 { return r.byKey[k] }
