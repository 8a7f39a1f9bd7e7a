package history

import (
	"bufio"
	"container/heap"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// syntax is what JSON and EDN write differently.
type syntax struct {
	item, pair string // between the items of lists, and the pairs of maps
	assign     string // between the name and the value of a map
	name       func([]byte, string) []byte
	word       func([]byte, string) []byte // a string that names something: a keyword in EDN
	null       string
	pairsAsMap bool // maps may have numbers as keys
}

var jsonSyntax = syntax{",", ",", ":", appendQuoted, appendQuoted, "null", false}
var ednSyntax = syntax{" ", ", ", " ", appendKeyword, appendKeyword, "nil", true}

func appendQuoted(b []byte, s string) []byte {
	text, err := json.Marshal(strings.ToValidUTF8(s, "\ufffd")) // EDN knows all escapes that this writes
	if err != nil {
		panic("BUG: a string without JSON: " + err.Error())
	}
	return append(b, text...)
}

func appendKeyword(b []byte, s string) []byte { return append(append(b, ':'), s...) }

// returns is a heap of operations by their time of return, then by number.
type returns struct {
	h   *History
	ids []OpID
}

func (r *returns) Len() int { return len(r.ids) }
func (r *returns) Less(i, j int) bool {
	a, b := r.h.ops[r.ids[i]].Return, r.h.ops[r.ids[j]].Return
	return a < b || a == b && r.ids[i] < r.ids[j]
}
func (r *returns) Swap(i, j int) { r.ids[i], r.ids[j] = r.ids[j], r.ids[i] }
func (r *returns) Push(x any)    { r.ids = append(r.ids, x.(OpID)) }
func (r *returns) Pop() any {
	last := r.ids[len(r.ids)-1]
	r.ids = r.ids[:len(r.ids)-1]
	return last
}

// encoder writes events. b is the line under construction.
type encoder struct {
	h     *History
	s     syntax
	w     *bufio.Writer
	b     []byte
	index int64
	first bool // the next part is the first of its list
}

// write puts the events in the order of time: what returned before an invocation stands before it.
func write(w io.Writer, h *History, s syntax) error {
	e := &encoder{h: h, s: s, w: bufio.NewWriter(w)}
	e.keys()
	waiting := &returns{h: h}
	for id := range h.ops {
		op := &h.ops[id]
		for waiting.Len() > 0 && h.ops[waiting.ids[0]].Return <= op.Invoke {
			e.event(heap.Pop(waiting).(OpID), false)
		}
		e.event(OpID(id), true)
		if !op.pending {
			heap.Push(waiting, OpID(id))
		}
	}
	for waiting.Len() > 0 {
		e.event(heap.Pop(waiting).(OpID), false)
	}
	return e.w.Flush()
}

// open and close are brackets; part begins the next part inside them.
func (e *encoder) open(c byte)  { e.b = append(e.b, c); e.first = true }
func (e *encoder) close(c byte) { e.b = append(e.b, c); e.first = false }
func (e *encoder) part()        { e.separate(e.s.item) }

func (e *encoder) separate(by string) {
	if !e.first {
		e.b = append(e.b, by...)
	}
	e.first = false
}

func (e *encoder) field(name string) {
	e.separate(e.s.pair)
	e.b = append(e.s.name(e.b, name), e.s.assign...)
}

func (e *encoder) int(i int64) { e.b = strconv.AppendInt(e.b, i, 10) }

func (e *encoder) intField(name string, i int64) { e.field(name); e.int(i) }
func (e *encoder) wordField(name, word string)   { e.field(name); e.b = e.s.word(e.b, word) }
func (e *encoder) textField(name, text string)   { e.field(name); e.b = appendQuoted(e.b, text) }
func (e *encoder) intPart(i int64)               { e.part(); e.int(i) }
func (e *encoder) wordPart(word string)          { e.part(); e.b = e.s.word(e.b, word) }
func (e *encoder) trueField(name string, when bool) {
	if when {
		e.field(name)
		e.b = append(e.b, "true"...)
	}
}

// pairs opens and closes a map with numbers as keys, pair its entries up to the value.
func (e *encoder) openPairs()  { e.open(e.bracket("{[")) }
func (e *encoder) closePairs() { e.close(e.bracket("}]")) }
func (e *encoder) bracket(two string) byte {
	if e.s.pairsAsMap {
		return two[0]
	}
	return two[1]
}

func (e *encoder) openPair(key int64) {
	e.separate(e.s.pair)
	if !e.s.pairsAsMap {
		e.open('[')
		e.intPart(key)
		e.part()
		return
	}
	e.int(key)
	e.b = append(e.b, ' ')
}

func (e *encoder) closePair() {
	if !e.s.pairsAsMap {
		e.close(']')
	}
}

func (e *encoder) begin(time int64, typ, f string) {
	e.b = e.b[:0]
	e.open('{')
	e.intField("index", e.index)
	e.intField("time", time)
	e.wordField("type", typ)
	e.wordField("f", f)
	e.index++
}

func (e *encoder) end() {
	e.close('}')
	e.b = append(e.b, '\n')
	e.w.Write(e.b) // the error stays and comes with Flush
}

// keys is the first event: what the numbers of keys mean.
func (e *encoder) keys() {
	time := int64(0)
	if len(e.h.ops) > 0 {
		time = e.h.ops[0].Invoke
	}
	e.begin(time, typeInfo, fKeys)
	e.wordField("process", nemesis)
	e.intField("format", formatVersion)
	e.field("value")
	e.openPairs()
	for k, tp := range e.h.keys {
		e.openPair(int64(k))
		e.open('[')
		e.part()
		e.b = appendQuoted(e.b, tp.Topic)
		e.intPart(int64(tp.Partition))
		e.close(']')
		e.closePair()
	}
	e.closePairs()
	e.end()
}

// event writes the invocation or the return of an operation.
func (e *encoder) event(id OpID, invoke bool) {
	op := &e.h.ops[id]
	time, typ := op.Return, typeOf(op.Outcome)
	if invoke {
		time, typ = op.Invoke, typeInvoke
	}
	if op.F == Fault {
		e.fault(id, op, time, invoke)
		return
	}
	e.begin(time, typ, op.F.String())
	e.intField("process", int64(op.Process))
	e.intField("client", int64(op.Client))
	e.intField("op", int64(id))
	e.trueField("read-uncommitted", op.Uncommitted)
	mops := e.h.mopsOf(op)
	e.field("value")
	switch op.F {
	case Assign, Subscribe:
		e.assigned(mops)
	case Crash:
		e.b = append(e.b, e.s.null...)
	default:
		e.mops(mops, !invoke || op.pending)
	}
	if !invoke || op.pending {
		e.rebalanced(mops)
	}
	if note := e.h.Note(id); !invoke && note != "" {
		e.textField("error", note)
	}
	e.end()
}

func (e *encoder) fault(id OpID, op *Op, time int64, begin bool) {
	f := fFaultEnd
	if begin {
		f = fFaultBegin
	}
	e.begin(time, typeInfo, f)
	e.wordField("process", nemesis)
	e.intField("op", int64(id))
	e.textField("value", e.h.Note(id))
	e.end()
}

func (e *encoder) assigned(mops []Mop) {
	e.open('[')
	seeks := false
	for _, m := range mops {
		if m.Kind == MopAssigned {
			e.intPart(int64(m.ref))
			seeks = seeks || m.Offset != NoOffset
		}
	}
	e.close(']')
	if !seeks {
		return
	}
	e.field("seek")
	e.openPairs()
	for _, m := range mops {
		if m.Kind == MopAssigned && m.Offset != NoOffset {
			e.openPair(int64(m.ref))
			e.int(m.Offset)
			e.closePair()
		}
	}
	e.closePairs()
}

func (e *encoder) rebalanced(mops []Mop) {
	none := true
	for _, m := range mops {
		if m.Kind != MopRebalanced {
			continue
		}
		if none {
			none = false
			e.field("rebalance-log")
			e.open('[')
			e.part()
			e.open('{')
			e.field("keys")
			e.open('[')
		}
		e.intPart(int64(m.ref))
	}
	if !none {
		e.close(']')
		e.close('}')
		e.close(']')
	}
}

// mops writes sends and polls; what they came to is left out of an invocation.
func (e *encoder) mops(mops []Mop, done bool) {
	e.open('[')
	for i := 0; i < len(mops); i++ {
		switch m := mops[i]; m.Kind {
		case MopSend:
			e.send(m, done)
		case MopPoll, MopRead:
			from := i
			if m.Kind == MopPoll {
				from++
			}
			to := from
			for to < len(mops) && mops[to].Kind != MopPoll && mops[to].Kind != MopSend {
				to++
			}
			e.poll(mops[from:to], done)
			i = to - 1
		}
	}
	e.close(']')
}

func (e *encoder) send(m Mop, done bool) {
	e.part()
	e.open('[')
	e.wordPart("send")
	e.intPart(int64(e.h.KeyOf(m)))
	if done && m.Offset != NoOffset {
		e.part()
		e.record(m)
	} else {
		e.intPart(int64(e.h.ValueOf(m)))
	}
	e.close(']')
}

func (e *encoder) record(m Mop) {
	e.open('[')
	e.part()
	if m.Offset == NoOffset {
		e.b = append(e.b, e.s.null...)
	} else {
		e.int(m.Offset)
	}
	e.intPart(int64(e.h.ValueOf(m)))
	e.close(']')
}

// poll writes the reads of one poll by key, in the order in which the keys begin.
func (e *encoder) poll(reads []Mop, done bool) {
	e.part()
	e.open('[')
	e.wordPart("poll")
	if done {
		e.part()
		e.openPairs()
		written := map[Key]bool{}
		for i, m := range reads {
			if k := e.h.KeyOf(m); m.Kind == MopRead && !written[k] {
				written[k] = true
				e.openPair(int64(k))
				e.open('[')
				for _, m := range reads[i:] {
					if m.Kind == MopRead && e.h.KeyOf(m) == k {
						e.part()
						e.record(m)
					}
				}
				e.close(']')
				e.closePair()
			}
		}
		e.closePairs()
	}
	e.close(']')
}
