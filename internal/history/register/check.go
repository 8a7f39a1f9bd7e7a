package register

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// Report is what came of a check.
type Report struct {
	Registers, Reads, Writes int
	Refused, Unknown         int // writes
	Seen                     int // unknown writes whose value somebody has read
	Violations               []Violation
	Undecided                []Key // the search took too long
}

// Violation is a register that is not linearizable.
type Violation struct {
	Key  Key
	Text string // what cannot be put in order: the operations around the first one that no order reaches
}

func (v Violation) String() string { return v.Key.String() + ": " + v.Text }

// UnknownShare is the share of writes whose outcome is unknown, 0 without writes.
func (r *Report) UnknownShare() float64 { return float64(r.Unknown) / float64(max(r.Writes, 1)) }

// String is one line of counts.
func (r *Report) String() string {
	return fmt.Sprintf("%d registers, %d reads, %d writes (%d refused, %d or %.1f %% of unknown outcome, %d of these read later), %d not linearizable, %d undecided",
		r.Registers, r.Reads, r.Writes, r.Refused, r.Unknown, 100*r.UnknownShare(), r.Seen, len(r.Violations), len(r.Undecided))
}

// Add adds what came of another check.
func (r *Report) Add(o *Report) {
	r.Registers, r.Reads, r.Writes = r.Registers+o.Registers, r.Reads+o.Reads, r.Writes+o.Writes
	r.Refused, r.Unknown, r.Seen = r.Refused+o.Refused, r.Unknown+o.Unknown, r.Seen+o.Seen
	r.Violations, r.Undecided = append(r.Violations, o.Violations...), append(r.Undecided, o.Undecided...)
}

// Check judges every register by itself. within bounds the search in one register; 0: no bound, as the simulator wants, whose
// runs may not depend on a clock. Registers are reported in order of their keys. It panics if two writes to a register have one
// value, or one has the value None: the rig is broken then.
func (h *History) Check(within time.Duration) *Report {
	r := &Report{}
	all := h.byRegister()
	keys := slices.SortedFunc(maps.Keys(all), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Life, b.Life))
	})
	for _, k := range keys {
		r.Registers++
		ops := r.definite(k, all[k])
		switch result, info := porcupine.CheckOperationsVerbose(model(k.Life), operations(ops), within); result {
		case porcupine.Illegal:
			r.Violations = append(r.Violations, Violation{k, explain(ops, info)})
		case porcupine.Unknown:
			r.Undecided = append(r.Undecided, k)
		}
	}
	return r
}

// model is a register whose state is its value. A write takes place or is not in the history at all. In a later life it begins with
// anything, which the first read tells.
func model(life int) porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			if life > 0 {
				return anything{}
			}
			return None
		},
		Step: func(state, input, _ any) (bool, any) {
			o := input.(*Op)
			if o.Write || state == any(anything{}) {
				return true, o.Value
			}
			return o.Value == state.(string), state
		},
	}
}

// anything is the state of a register of which nobody knows the value.
type anything struct{}

func operations(ops []Op) (out []porcupine.Operation) {
	for i := range ops {
		out = append(out, porcupine.Operation{ClientId: ops[i].Client, Input: &ops[i], Call: ops[i].Begin, Return: ops[i].End})
	}
	return out
}

// definite counts the operations of a register and leaves out what has not taken place or need not have. An unknown write that was
// read ends with the first of those reads, see the package comment.
func (r *Report) definite(k Key, ops []Op) (out []Op) {
	read := firstReads(ops)
	written := map[string]bool{None: true}
	for _, o := range ops {
		if !o.Write {
			r.Reads++
			out = append(out, o)
			continue
		}
		r.Writes++
		if written[o.Value] {
			panic(fmt.Sprintf("BUG: %s: the value %q is written twice", k, o.Value))
		}
		written[o.Value] = true
		switch end, seen := read[o.Value]; {
		case o.Outcome == Done:
			out = append(out, o)
		case o.Outcome == Refused:
			r.Refused++
		case !seen:
			r.Unknown++
		default:
			r.Unknown++
			r.Seen++
			o.End = max(end, o.Begin)
			out = append(out, o)
		}
	}
	return out
}

// firstReads is the earliest end of a read, for each value.
func firstReads(ops []Op) map[string]int64 {
	read := map[string]int64{}
	for _, o := range ops {
		if end, ok := read[o.Value]; !o.Write && (!ok || o.End < end) {
			read[o.Value] = o.End
		}
	}
	return read
}

// explained is how many operations a violation names on either side.
const explained = 6

// explain shows where the longest order that was found ends: its last operations, and the first ones that are not in it.
func explain(ops []Op, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, parts := range info.PartialLinearizationsOperations() {
		for _, p := range parts {
			if len(p) > len(longest) {
				longest = p
			}
		}
	}
	placed := map[*Op]bool{}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d operations have an order, which ends with", len(longest), len(ops))
	for i, p := range longest {
		o := p.Input.(*Op)
		placed[o] = true
		if i >= len(longest)-explained {
			fmt.Fprintf(&b, "\n\t%s", o)
		}
	}
	b.WriteString("\nand none of these comes next:")
	left := 0
	for _, i := range byEnd(ops) {
		if o := &ops[i]; !placed[o] && left < explained {
			left++
			fmt.Fprintf(&b, "\n\t%s", o)
		}
	}
	return b.String()
}

// byEnd are the indexes of operations in order of their ends.
func byEnd(ops []Op) []int {
	order := make([]int, len(ops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ops[a].End, ops[b].End) })
	return order
}
