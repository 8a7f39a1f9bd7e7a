package history

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// mop and rec are micro-operations and operations in a form that tests can edit.
type mop struct {
	kind   MopKind
	key    Key
	offset int64
	value  Value
}

type rec struct {
	call        Call
	invoke, ret int64
	outcome     Outcome
	note        string
	mops        []mop
}

func testKey(h *History, k Key) Key { return h.Key("t"+string(rune('0'+k/2)), int32(k%2)) }

// build records the operations, in the order of time as a recorder would.
func build(keys int, recs []*rec) *History {
	h := New()
	for k := range keys {
		testKey(h, Key(k))
	}
	recs = slices.Clone(recs)
	slices.SortStableFunc(recs, func(a, b *rec) int { return cmp.Compare(a.invoke, b.invoke) })
	type waiting struct {
		id OpID
		r  *rec
	}
	var open []waiting
	complete := func(until int64) {
		slices.SortStableFunc(open, func(a, b waiting) int { return cmp.Compare(a.r.ret, b.r.ret) })
		for len(open) > 0 && open[0].r.ret < until {
			h.Complete(open[0].r.ret, open[0].id, open[0].r.outcome, open[0].r.note)
			open = open[1:]
		}
	}
	for _, r := range recs {
		complete(r.invoke)
		id := h.Invoke(r.invoke, r.call)
		for _, m := range r.mops {
			switch m.kind {
			case MopSend:
				h.Acked(id, h.Send(id, m.key, m.value), m.offset)
			case MopPoll:
				h.Poll(id)
			case MopRead:
				h.Read(id, m.key, m.offset, m.value)
			case MopAssigned:
				h.Assigned(id, m.key, m.offset)
			case MopRebalanced:
				h.Rebalanced(id, m.key)
			}
		}
		open = append(open, waiting{id, r})
	}
	complete(NoReturn)
	return h
}

// slot is one offset of a model's log.
type slot struct {
	value Value // -1: a marker or a hole
	txn   *modelTxn
}

type modelTxn struct{ open, aborted bool }

// model is a correct broker with clients that behave, one seed, one goroutine. Its histories are
// valid by construction.
type model struct {
	rng     *rand.Rand
	logs    [][]slot
	clients []*modelClient
	recs    []*rec
	now     int64
	value   []Value // by key
	process Process
	undone  []*modelTxn // open outcomes that will be settled later
}

type modelClient struct {
	id          Client
	process     Process
	uncommitted bool
	subscribed  bool
	keys        []Key
	position    map[Key]int64
	busy        *rec
	txn         *modelTxn
	rewind      map[Key]int64
	left        int // micro-operations to come
}

func newModel(seed uint64, keys, clients int) *model {
	m := &model{rng: rand.New(rand.NewPCG(seed, 1)), logs: make([][]slot, keys), value: make([]Value, keys)}
	for i := range clients {
		c := &modelClient{id: Client(i), uncommitted: m.rng.IntN(8) == 0}
		m.clients = append(m.clients, c)
		m.renew(c)
	}
	return m
}

// renew gives the client a new process that has no positions.
func (m *model) renew(c *modelClient) {
	m.process++
	c.process, c.keys, c.position, c.subscribed = m.process, nil, map[Key]int64{}, false
}

func (m *model) tick() int64 { m.now += 1 + m.rng.Int64N(50); return m.now }

func (m *model) invoke(c *modelClient, f F) *rec {
	r := &rec{call: Call{c.id, c.process, f, c.uncommitted}, invoke: m.tick(), ret: NoReturn}
	m.recs = append(m.recs, r)
	return r
}

// appendValue puts a fresh value at the end of a log, after a hole now and then.
func (m *model) appendValue(k Key, t *modelTxn) (int64, Value) {
	for m.rng.IntN(6) == 0 {
		m.logs[k] = append(m.logs[k], slot{value: -1})
	}
	m.value[k]++
	m.logs[k] = append(m.logs[k], slot{m.value[k], t})
	return int64(len(m.logs[k]) - 1), m.value[k]
}

// poll reads up to a random number of records of each key from the client's positions.
func (m *model) poll(c *modelClient, r *rec, most int) {
	r.mops = append(r.mops, mop{kind: MopPoll, offset: NoOffset})
	for _, k := range c.keys {
		at, ok := c.position[k]
		if !ok {
			at = int64(m.rng.IntN(len(m.logs[k]) + 1))
		}
		for n := most; n > 0 && at < int64(len(m.logs[k])); at++ {
			s := m.logs[k][at]
			switch {
			case s.txn != nil && s.txn.open && !c.uncommitted:
				n = 0
				at--
			case s.value < 0 || s.txn != nil && s.txn.aborted && !c.uncommitted:
			default:
				r.mops = append(r.mops, mop{MopRead, k, at, s.value})
				n--
			}
		}
		c.position[k] = at
	}
}

// step lets one client go on.
func (m *model) step() {
	c := m.clients[m.rng.IntN(len(m.clients))]
	switch {
	case c.busy != nil && c.busy.call.F == Txn:
		m.stepTxn(c)
	case c.busy != nil:
		m.finish(c)
	default:
		m.begin(c)
	}
	if len(m.undone) > 0 && m.rng.IntN(10) == 0 {
		m.settle()
	}
}

func (m *model) settle() {
	m.undone[0].open = false
	m.undone[0].aborted = m.rng.IntN(2) == 0
	m.undone = m.undone[1:]
}

func (m *model) begin(c *modelClient) {
	switch n := m.rng.IntN(20); {
	case n == 0 || len(c.keys) == 0:
		m.assign(c)
	case n == 1:
		r := m.invoke(c, Crash)
		r.ret, r.outcome = m.tick(), OK
		m.renew(c)
	case n < 9:
		c.busy = m.invoke(c, Send)
		for range 1 + m.rng.IntN(3) {
			c.busy.mops = append(c.busy.mops, mop{MopSend, m.key(), NoOffset, 0})
		}
	case n < 14:
		c.busy = m.invoke(c, Poll)
	default:
		c.busy = m.invoke(c, Txn)
		c.txn, c.left, c.rewind = &modelTxn{open: true}, 1+m.rng.IntN(4), map[Key]int64{}
		for k, at := range c.position {
			c.rewind[k] = at
		}
	}
}

func (m *model) key() Key { return Key(m.rng.IntN(len(m.logs))) }

func (m *model) assign(c *modelClient) {
	r := m.invoke(c, Assign)
	c.subscribed = m.rng.IntN(4) == 0
	if c.subscribed {
		r.call.F = Subscribe
	}
	old := c.position
	c.keys, c.position = nil, map[Key]int64{}
	for _, k := range m.rng.Perm(len(m.logs))[:1+m.rng.IntN(len(m.logs))] {
		k := Key(k)
		c.keys = append(c.keys, k)
		seek := NoOffset
		if at, ok := old[k]; ok && m.rng.IntN(2) == 0 {
			c.position[k] = at
		} else if m.rng.IntN(2) == 0 {
			seek = int64(m.rng.IntN(len(m.logs[k]) + 1))
			c.position[k] = seek
		} else if ok {
			c.position[k] = at
		}
		r.mops = append(r.mops, mop{MopAssigned, k, seek, 0})
	}
	r.ret, r.outcome = m.tick(), OK
}

// finish ends a send or a poll.
func (m *model) finish(c *modelClient) {
	r := c.busy
	c.busy = nil
	r.ret, r.outcome = m.tick(), OK
	if r.call.F == Poll {
		if c.subscribed && m.rng.IntN(4) == 0 {
			k := c.keys[m.rng.IntN(len(c.keys))]
			if m.rng.IntN(2) == 0 { // or else it was moved between two operations
				r.mops = append(r.mops, mop{kind: MopRebalanced, key: k, offset: NoOffset})
			}
			c.position[k] = int64(m.rng.IntN(len(m.logs[k]) + 1))
		}
		m.poll(c, r, 1+m.rng.IntN(5))
		return
	}
	fate := m.rng.IntN(12)
	for i := range r.mops {
		s := &r.mops[i]
		if fate == 0 || fate == 1 && m.rng.IntN(2) == 0 {
			m.value[s.key]++
			s.value = m.value[s.key]
			continue
		}
		at, v := m.appendValue(s.key, nil)
		s.value = v
		if fate > 1 {
			s.offset = at
		}
	}
	switch fate {
	case 0:
		r.outcome, r.note = Fail, "NOT_LEADER_OR_FOLLOWER"
	case 1:
		r.outcome, r.note = Open, "timeout"
		if m.rng.IntN(2) == 0 {
			r.ret, r.note = NoReturn, ""
		}
		m.renew(c)
	}
}

func (m *model) stepTxn(c *modelClient) {
	r := c.busy
	if c.left > 0 {
		c.left--
		if m.rng.IntN(2) == 0 {
			m.poll(c, r, 3)
			return
		}
		k := m.key()
		at, v := m.appendValue(k, c.txn)
		r.mops = append(r.mops, mop{MopSend, k, at, v})
		return
	}
	c.busy = nil
	r.ret = m.tick()
	switch m.rng.IntN(8) {
	case 0:
		r.outcome, r.note = Fail, "aborted"
		c.txn.open, c.txn.aborted = false, true
		c.position = c.rewind
	case 1:
		r.outcome, r.note = Open, "INVALID_TXN_STATE"
		m.undone = append(m.undone, c.txn)
		m.renew(c)
	default:
		r.outcome = OK
		c.txn.open = false
	}
}

// run makes a history of about so many operations, with a final phase that reads everything.
func (m *model) run(steps int) []*rec {
	for range steps {
		m.step()
	}
	for _, c := range m.clients {
		for c.busy != nil {
			c.left = 0
			if c.busy.call.F == Txn {
				m.stepTxn(c)
			} else {
				m.finish(c)
			}
		}
	}
	for len(m.undone) > 0 {
		m.settle()
	}
	for _, c := range m.clients[:2] {
		m.readAll(c)
	}
	return m.recs
}

func (m *model) readAll(c *modelClient) {
	m.renew(c)
	c.uncommitted = false
	r := m.invoke(c, Assign)
	r.ret, r.outcome = m.tick(), OK
	for k := range m.logs {
		c.keys = append(c.keys, Key(k))
		c.position[Key(k)] = 0
		r.mops = append(r.mops, mop{MopAssigned, Key(k), 0, 0})
	}
	for {
		r := m.invoke(c, Poll)
		m.poll(c, r, 1+m.rng.IntN(20))
		r.ret, r.outcome = m.tick(), OK
		if len(r.mops) == 1 {
			return
		}
	}
}
