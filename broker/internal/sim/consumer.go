package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/history"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// consumer reads all partitions from their beginning, one after the other, and at the end of the run
// once more.
type consumer struct {
	*user
	turn int
	ends map[kafka.TopicPartition]bool // of the last reading: which are read to the end
	at   map[kafka.TopicPartition]*position
}

// position is where a consumer is in a partition.
type position struct {
	offset int64
	life   int // of the disk that it has read
}

func newConsumer(u *user) *consumer {
	c := &consumer{user: u}
	c.assign()
	c.soon(c.work)
	return c
}

// assign begins anew at the beginning of every partition.
func (c *consumer) assign() {
	c.at, c.ends = map[kafka.TopicPartition]*position{}, map[kafka.TopicPartition]bool{}
	for _, at := range c.w.plan.partitions() {
		c.seek(at)
	}
	op := c.w.oracle.invoke(c.user, history.Assign, kafka.TopicPartition{})
	c.w.oracle.complete(op, history.OK, "")
}

// seek goes to the beginning of a partition, whose former records nobody remembers.
func (c *consumer) seek(at kafka.TopicPartition) {
	c.at[at] = &position{life: c.w.oracle.life(at)}
}

func (c *consumer) finish() {
	c.ending = true
	c.reborn()
	c.assign()
}

func (c *consumer) unsettled() string {
	for _, at := range c.w.plan.partitions() {
		if p := c.w.oracle.part(at); !c.ends[at] || c.at[at].life == p.life && c.at[at].offset < p.acked {
			return fmt.Sprintf("consumer %d has read %s up to %d, acknowledged is %d", c.plan.ID, at, c.at[at].offset, p.acked)
		}
	}
	return ""
}

func (c *consumer) work() {
	all := c.w.plan.partitions()
	at := all[c.turn%len(all)]
	c.turn++
	next := func() { c.soon(c.work) }
	if c.ending {
		next = func() { c.w.e.After(5*time.Millisecond, "consumer", c.actor, c.work) }
	}
	c.leader(at, func(node int) {
		if node < 0 {
			next()
			return
		}
		c.poll(at, node, next)
	})
}

func (c *consumer) poll(at kafka.TopicPartition, node int, next func()) {
	process := c.process
	pos := c.at[at]
	r := fetchRequest{at: at, offset: pos.offset, maxBytes: c.w.plan.Limits.FetchBytes}
	if c.ending {
		r.maxBytes = 1 << 20
	}
	op := c.w.oracle.invoke(c.user, history.Poll, at)
	n := c.w.nodes[node]
	c.w.exchange(c.actor, node, "fetch", nil, dataWithin, func(conn *connection) { n.fetch(conn, r) }, func(answer any, err error) {
		f, ok := answer.(fetched)
		switch {
		case process != c.process: // finished while it was under way
			c.w.oracle.complete(op, history.Open, "reassigned")
		case ok && (f.life != pos.life || f.life != c.w.oracle.life(at)):
			c.w.oracle.complete(op, history.Open, "another disk")
			c.seek(at)
		case ok:
			c.read(op, pos, f)
			c.w.oracle.complete(op, history.OK, "")
			c.ends[at] = c.ending && pos.offset >= f.highWatermark
		default:
			if r, ok := answer.(refusal); ok {
				err = r.err
				c.w.some.hit("poll refused")
			} else {
				c.w.some.hit("poll open")
			}
			c.w.oracle.complete(op, history.Open, err.Error())
			delete(c.leaders, at)
			if past := c.w.oracle.part(at); pos.life != past.life {
				c.seek(at)
			} else if errors.Is(err, storage.ErrOffsetOutOfRange) {
				pos.offset = max(pos.offset, past.start) // auto.offset.reset=earliest
			}
		}
		next()
	})
}

// read takes the records of a poll, which continue where the last one ended.
func (c *consumer) read(op *operation, pos *position, f fetched) {
	for rest := f.records; len(rest) > 0; {
		b, more, err := batch.Next(rest)
		if err != nil || !b.VerifyCRC() {
			c.w.violate("R-26", "consumer %d reads a damaged batch of %s at %d: %v", c.plan.ID, op.at, pos.offset, err)
		}
		rest = more
		it := batch.IterateRecords(b.Payload(), b.NumRecords())
		for it.Next() {
			r := it.Record()
			offset := b.Offset(r)
			switch {
			case offset < pos.offset:
				continue
			case offset > pos.offset:
				c.w.violate("gap", "consumer %d reads %s at %d and gets %d", c.plan.ID, op.at, pos.offset, offset)
			case offset >= f.highWatermark:
				c.w.violate("R-17", "consumer %d gets offset %d of %s, high watermark %d", c.plan.ID, offset, op.at, f.highWatermark)
			}
			value := binary.BigEndian.Uint64(r.Value)
			c.w.oracle.seen(op.at, offset, value, "read")
			op.reads = append(op.reads, observation{offset, value})
			pos.offset = offset + 1
			c.w.some.hit("poll returned records")
		}
		c.w.must(it.Err())
	}
}
