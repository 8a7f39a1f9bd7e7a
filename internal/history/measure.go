package history

import (
	"cmp"
	"slices"
	"sort"
)

// Stats are figures about a history that are reported and not judged.
type Stats struct {
	Ops   [numFs][numOutcomes]int // by F and Outcome
	Sends int                     // values sent
	Reads int                     // records read
	// Lag is the stalest poll; Op is meaningless if Time is 0.
	Lag Lag
	// Consumed[n] is how many values one process read n+1 times while it was subscribed, in
	// operations that are ok; the last is for that often or more. Exactly-once processing inside
	// one process is Consumed[1:] being 0.
	Consumed [8]int
}

// Lag is how long a record had been known to exist when a process that has its key by hand began a
// poll and did not get that far.
type Lag struct {
	Time int64 // nanoseconds
	Op   OpID
	Key  Key
}

// Measure counts. It only reads h. Time is N log N in the micro-operations, and for the lag each
// poll looks at each key of its process.
func Measure(h *History) Stats {
	var s Stats
	for i := range h.ops {
		op := &h.ops[i]
		s.Ops[op.F][op.Outcome]++
		for _, m := range h.mopsOf(op) {
			switch m.Kind {
			case MopSend:
				s.Sends++
			case MopRead:
				s.Reads++
			}
		}
	}
	s.Consumed = consumed(h)
	s.Lag = worstLag(h)
	return s
}

// consumed counts how often each process read each value under a group.
func consumed(h *History) (histogram [8]int) {
	subscribed := map[Process]bool{}
	var pairs table // (process, value)
	var counts []int
	for i := range h.ops {
		op := &h.ops[i]
		switch {
		case op.Outcome != OK:
		case op.F == Assign || op.F == Subscribe:
			subscribed[op.Process] = op.F == Subscribe
		case subscribed[op.Process]:
			for _, m := range h.mopsOf(op) {
				if m.Kind != MopRead {
					continue
				}
				id, known := pairs.id(uint32(op.Process), int64(m.ref))
				if !known {
					counts = append(counts, 0)
				}
				counts[id]++
			}
		}
	}
	for _, n := range counts {
		histogram[min(n, len(histogram))-1]++
	}
	return histogram
}

// known is since when a key is known to reach beyond an offset.
type known struct{ offset, since int64 }

// lagCheck walks over the invocations of polls in the order of time, with the returns before them.
type lagCheck struct {
	h     *History
	known [][]known // by key, growing in both
	keys  map[Process][]Key
	at    map[Process]map[Key]int64
	worst Lag
}

func worstLag(h *History) Lag {
	l := &lagCheck{h: h, known: make([][]known, len(h.keys)), keys: map[Process][]Key{}, at: map[Process]map[Key]int64{}}
	var returned []OpID
	for i := range h.ops {
		if h.ops[i].Return != NoReturn {
			returned = append(returned, OpID(i))
		}
	}
	slices.SortFunc(returned, func(a, b OpID) int {
		return cmp.Or(cmp.Compare(h.ops[a].Return, h.ops[b].Return), cmp.Compare(a, b))
	})
	for i := range h.ops {
		op := &h.ops[i]
		for len(returned) > 0 && h.ops[returned[0]].Return <= op.Invoke {
			l.learn(&h.ops[returned[0]])
			returned = returned[1:]
		}
		switch op.F {
		case Assign, Subscribe:
			l.assign(op)
		case Poll, Txn:
			l.poll(OpID(i), op)
		}
	}
	return l.worst
}

// learn adds what the return of an operation tells about the ends of logs.
func (l *lagCheck) learn(op *Op) {
	if op.Outcome == Fail && op.F != Poll {
		return
	}
	for _, m := range l.h.mopsOf(op) {
		sent := m.Kind == MopSend && op.Outcome == OK
		if m.Offset == NoOffset || !sent && m.Kind != MopRead {
			continue
		}
		list := &l.known[l.h.KeyOf(m)]
		if n := len(*list); n == 0 || (*list)[n-1].offset < m.Offset {
			*list = append(*list, known{m.Offset, op.Return})
		}
	}
}

// assign forgets all positions: which keys a group gives is not known.
func (l *lagCheck) assign(op *Op) {
	if op.Outcome == Fail {
		return
	}
	old := l.at[op.Process]
	l.keys[op.Process], l.at[op.Process] = nil, map[Key]int64{}
	if op.F == Subscribe {
		return
	}
	for _, m := range l.h.mopsOf(op) {
		if m.Kind != MopAssigned {
			continue
		}
		k := Key(m.ref)
		l.keys[op.Process] = append(l.keys[op.Process], k)
		if m.Offset != NoOffset {
			l.at[op.Process][k] = m.Offset - 1
		} else if at, ok := old[k]; ok {
			l.at[op.Process][k] = at
		}
	}
}

// poll compares what was known at the start of a poll with how far it came. Only an operation that
// is ok and polled tells that.
func (l *lagCheck) poll(id OpID, op *Op) {
	at := l.at[op.Process]
	if op.Outcome != OK || at == nil {
		return
	}
	polled := false
	for _, m := range l.h.mopsOf(op) {
		polled = polled || m.Kind == MopPoll
		if m.Kind == MopRead {
			at[l.h.KeyOf(m)] = m.Offset
		}
	}
	if !polled {
		return
	}
	for _, k := range l.keys[op.Process] {
		p, ok := at[k]
		if !ok {
			continue
		}
		list := l.known[k]
		i := sort.Search(len(list), func(i int) bool { return list[i].offset > p })
		if i < len(list) && op.Invoke-list[i].since > l.worst.Time {
			l.worst = Lag{op.Invoke - list[i].since, id, k}
		}
	}
}
