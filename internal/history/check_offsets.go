package history

import (
	"fmt"
	"strings"
)

// checkOffsets holds offsets against values: each names the other.
func checkOffsets(x *index, c *collector) {
	for k := range x.h.keys {
		log := x.log(Key(k))
		for i := 0; i < len(log); {
			n := 1
			for i+n < len(log) && log[i+n].offset == log[i].offset {
				n++
			}
			if n > 1 {
				addConflict(x, c, log[i:i+n])
			}
			i += n
		}
	}
	checkAcked(x, c)
	checkDuplicates(x, c)
}

// addConflict reports values that share an offset.
func addConflict(x *index, c *collector, same []entry) {
	var ops []OpID
	for _, e := range same {
		ops = append(ops, e.op)
	}
	c.add(InconsistentOffset, "", c.where(same[0].value, same[0].offset), ops, func() string {
		var b strings.Builder
		for i, e := range same {
			switch {
			case i == maxOps:
				fmt.Fprintf(&b, ", and %d more", len(same)-i)
				return b.String()
			case i > 0:
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%d by operation %d", x.value(e.value), e.op)
		}
		return fmt.Sprintf("offset %d holds %s", same[0].offset, b.String())
	})
}

// checkAcked finds values that are not where their sender was told.
func checkAcked(x *index, c *collector) {
	for _, e := range x.entries {
		v, at := e.value, e.offset
		acked, w := x.acked[v], x.writer[v]
		if e.extra || acked == NoOffset || acked == at || x.h.ops[w].Outcome == Fail {
			continue
		}
		c.add(InconsistentOffset, "", c.where(v, acked), []OpID{w, e.op}, func() string {
			return fmt.Sprintf("operation %d was told offset %d for %d, and operation %d read it at %d",
				w, acked, x.value(v), e.op, at)
		})
	}
}

// checkDuplicates finds values that were read at several offsets.
func checkDuplicates(x *index, c *collector) {
	others := map[uint32][]entry{}
	for _, e := range x.entries {
		if e.extra {
			others[e.value] = append(others[e.value], e)
		}
	}
	for _, e := range x.entries {
		v := e.value
		if e.extra || x.flags[v]&isDuplicate == 0 {
			continue
		}
		ops := []OpID{x.reader[v]}
		for _, e := range others[v] {
			ops = append(ops, e.op)
		}
		c.add(Duplicate, "", c.where(v, x.place[v]), ops, func() string {
			text := fmt.Sprintf("%d was read at offset %d by operation %d", x.value(v), x.place[v], x.reader[v])
			for _, e := range others[v][:min(len(others[v]), maxOps)] {
				text += fmt.Sprintf(", at %d by %d", e.offset, e.op)
			}
			return text
		})
	}
}
