package history

import (
	"errors"
	"fmt"
	"math"
)

// decoder builds a history from events.
type decoder struct {
	h       *History
	lenient bool // pass over events that are none of ours
	count   int
	last    int64 // time of the last event
	keys    map[int64]Key
	byOp    map[int64]OpID // operations that have not returned, by "op"
	byProc  map[int64]OpID // the same without "op", by process
}

func newDecoder(lenient bool) *decoder {
	return &decoder{
		h: New(), lenient: lenient, keys: map[int64]Key{}, byOp: map[int64]OpID{}, byProc: map[int64]OpID{},
	}
}

// fail says where. Errors of the input itself stay what they are.
func (d *decoder) fail(err error) error {
	var input inputError
	if errors.As(err, &input) {
		return input.error
	}
	return fmt.Errorf("%w: event %d: %w", ErrFormat, d.count+1, err)
}

// event adds one event.
func (d *decoder) event(n *node) error {
	if n.kind != nodeMap {
		return errors.New("an event is no map")
	}
	time := d.last
	if t := n.get("time"); !t.isNil() {
		var err error
		if time, err = t.integer("time", 0); err != nil {
			return err
		}
	}
	if time < d.last {
		return fmt.Errorf("time goes back from %d to %d", d.last, time)
	}
	typ, f := n.get("type"), n.get("f")
	if typ == nil || typ.kind != nodeText || f == nil || f.kind != nodeText {
		return errors.New("an event without type and f")
	}
	var err error
	if p := n.get("process"); p != nil && p.kind == nodeText && p.text == nemesis {
		err = d.nemesis(n, f.text, time)
	} else {
		err = d.client(n, typ.text, f.text, time)
	}
	d.last = time
	d.count++
	return err
}

// nemesis takes an event that is no client's.
func (d *decoder) nemesis(n *node, f string, time int64) error {
	switch f {
	case fKeys:
		return d.keyNames(n)
	case fFaultBegin:
		id := d.h.Invoke(time, Call{F: Fault})
		return d.remember(n, id, 0)
	case fFaultEnd:
		id, err := d.recall(n, 0)
		if err != nil {
			return err
		}
		if d.h.ops[id].F != Fault {
			return errors.New("ends a fault that is none")
		}
		note := ""
		if v := n.get("value"); v != nil && v.kind == nodeText {
			note = v.text
		}
		d.h.Complete(time, id, OK, note)
		return nil
	}
	if !d.lenient {
		return fmt.Errorf("unknown f %q", f)
	}
	d.h.Complete(time, d.h.Invoke(time, Call{F: Fault}), OK, f)
	return nil
}

// keyNames learns what the numbers of keys mean.
func (d *decoder) keyNames(n *node) error {
	if v := n.get("format"); !v.isNil() && (v.kind != nodeInt || v.num != formatVersion) {
		return fmt.Errorf("a format other than %d", formatVersion)
	}
	return n.get("value").pairs("value", func(key, name *node) error {
		k, err := key.integer("key", 0)
		if err != nil {
			return err
		}
		if name.kind != nodeList || len(name.list) != 2 || name.list[0].kind != nodeText {
			return errors.New("the name of a key is no topic and partition")
		}
		p, err := name.list[1].integer("partition", 0)
		if err != nil || p > math.MaxInt32 {
			return errors.Join(errors.New("no partition"), err)
		}
		if _, ok := d.keys[k]; ok {
			return fmt.Errorf("key %d has two names", k)
		}
		d.keys[k] = d.h.Key(name.list[0].text, int32(p))
		return nil
	})
}

// key is the key of a number. Without a name it is named as Jepsen does: two partitions a topic.
func (d *decoder) key(n *node) (Key, error) {
	i, err := n.integer("key", 0)
	if err != nil {
		return 0, err
	}
	k, ok := d.keys[i]
	if !ok {
		k = d.h.Key(fmt.Sprintf("t%d", i/2), int32(i%2))
		d.keys[i] = k
	}
	return k, nil
}

// client takes an event of a client.
func (d *decoder) client(n *node, typ, name string, time int64) error {
	f, known := fOf(name)
	if !known && d.lenient {
		return nil
	}
	if !known {
		return fmt.Errorf("unknown f %q", name)
	}
	process, err := n.get("process").integer("process", 0)
	if err != nil || process > math.MaxUint32 {
		return errors.Join(errors.New("no process"), err)
	}
	if typ == typeInvoke {
		return d.invoke(n, f, process, time)
	}
	outcome, known := outcomeOf(typ)
	if !known {
		return fmt.Errorf("unknown type %q", typ)
	}
	id, err := d.recall(n, process)
	if err != nil {
		return err
	}
	if op := d.h.ops[id]; op.F != f || int64(op.Process) != process {
		return errors.New("returns as another operation than it was invoked")
	}
	if !n.get("value").isNil() {
		d.h.open[d.h.ops[id].first] = d.h.open[d.h.ops[id].first][:0]
		if err := d.value(n, f, id); err != nil {
			return err
		}
	}
	note := ""
	if e := n.get("error"); e != nil {
		note = e.text
	}
	d.h.Complete(time, id, outcome, note)
	return nil
}

func (d *decoder) invoke(n *node, f F, process, time int64) error {
	client := int64(0)
	if c := n.get("client"); !c.isNil() {
		var err error
		if client, err = c.integer("client", 0); err != nil || client > math.MaxUint32 {
			return errors.Join(errors.New("no client"), err)
		}
	}
	u := n.get("read-uncommitted")
	id := d.h.Invoke(time, Call{Client: Client(client), Process: Process(process), F: f,
		Uncommitted: u != nil && u.kind == nodeBool && u.num == 1})
	if err := d.remember(n, id, process); err != nil {
		return err
	}
	return d.value(n, f, id)
}

// remember keeps an operation until it returns.
func (d *decoder) remember(n *node, id OpID, process int64) error {
	list, i := d.byProc, process
	if op := n.get("op"); op != nil {
		var err error
		if i, err = op.integer("op", 0); err != nil {
			return err
		}
		list = d.byOp
	}
	if _, ok := list[i]; ok {
		return errors.New("invoked while it has not returned")
	}
	list[i] = id
	return nil
}

// recall finds the operation that returns.
func (d *decoder) recall(n *node, process int64) (OpID, error) {
	list, i := d.byProc, process
	if op := n.get("op"); op != nil {
		var err error
		if i, err = op.integer("op", 0); err != nil {
			return 0, err
		}
		list = d.byOp
	}
	id, ok := list[i]
	if !ok {
		return 0, errors.New("returns without having been invoked")
	}
	delete(list, i)
	return id, nil
}

// value adds the micro-operations of an event.
func (d *decoder) value(n *node, f F, id OpID) error {
	list, err := n.get("value").items("value")
	if err != nil {
		return err
	}
	switch f {
	case Assign, Subscribe:
		err = d.assigned(n, list, id)
	case Send, Poll, Txn:
		for i := range list {
			if err = d.mop(&list[i], id); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	return d.rebalanced(n, id)
}

func (d *decoder) assigned(n *node, list []node, id OpID) error {
	seeks := map[Key]int64{}
	err := n.get("seek").pairs("seek", func(key, offset *node) error {
		k, err := d.key(key)
		if err == nil {
			seeks[k], err = offset.integer("offset", 0)
		}
		return err
	})
	if err != nil {
		return err
	}
	b := n.get("seek-to-beginning?")
	for i := range list {
		k, err := d.key(&list[i])
		if err != nil {
			return err
		}
		seek, ok := seeks[k]
		if !ok {
			seek = NoOffset
		}
		if b != nil && b.kind == nodeBool && b.num == 1 {
			seek = 0
		}
		d.h.Assigned(id, k, seek)
	}
	return nil
}

func (d *decoder) rebalanced(n *node, id OpID) error {
	events, err := n.get("rebalance-log").items("rebalance-log")
	if err != nil {
		return err
	}
	for i := range events {
		keys, err := events[i].get("keys").items("keys")
		if err != nil {
			return err
		}
		for j := range keys {
			k, err := d.key(&keys[j])
			if err != nil {
				return err
			}
			d.h.Rebalanced(id, k)
		}
	}
	return nil
}

// mop adds [send key value], [send key [offset value]], [poll] or [poll {key [[offset value]…]}].
func (d *decoder) mop(n *node, id OpID) error {
	if n.kind != nodeList || len(n.list) == 0 || n.list[0].kind != nodeText {
		return errors.New("a micro-operation is no list with a name")
	}
	switch name := n.list[0].text; {
	case name == "send" && len(n.list) == 3:
		k, err := d.key(&n.list[1])
		if err != nil {
			return err
		}
		offset, v, err := record(&n.list[2])
		if err == nil {
			d.h.Acked(id, d.h.Send(id, k, v), offset)
		}
		return err
	case name == "poll" && len(n.list) <= 2:
		d.h.Poll(id)
		if len(n.list) == 1 {
			return nil
		}
		return n.list[1].pairs("poll", func(key, records *node) error { return d.reads(id, key, records) })
	}
	return errors.New("a micro-operation is neither send nor poll")
}

func (d *decoder) reads(id OpID, key, records *node) error {
	k, err := d.key(key)
	if err != nil {
		return err
	}
	list, err := records.items("records")
	if err != nil {
		return err
	}
	for i := range list {
		offset, v, err := record(&list[i])
		if err != nil {
			return err
		}
		d.h.Read(id, k, offset, v)
	}
	return nil
}

// record reads a value, or a pair of an offset (or nothing) and a value.
func record(n *node) (offset int64, v Value, err error) {
	offset = NoOffset
	if n.kind == nodeList && len(n.list) == 2 {
		if at := &n.list[0]; !at.isNil() {
			if offset, err = at.integer("offset", NoOffset); err != nil {
				return 0, 0, err
			}
		}
		n = &n.list[1]
	}
	i, err := n.integer("value", 0)
	return offset, Value(i), err
}
