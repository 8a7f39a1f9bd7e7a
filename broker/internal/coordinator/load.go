package coordinator

import (
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// open begins to load a shard.
func (c *Core) open(s *shard, nowMs int64) {
	s.log = c.o.Partition(s.index)
	if s.log == nil || s.log.Check(s.epoch) != nil { // its log is not open yet, or an append of a former epoch hangs
		s.log = nil
		s.again(nowMs, maxOpenPauseMs)
		return
	}
	s.state, s.machine = loading, c.o.Machine(s.index)
	s.next, s.end = s.log.LogStartOffset(), s.log.LogEndOffset()
}

// load replays a piece of a shard's log, and lets the shard serve when it has come to the end.
func (c *Core) load(s *shard, nowMs int64) {
	if s.next < s.end {
		if err := c.replayPiece(s); err != nil {
			c.fail(s, nowMs, "loading", err)
			return
		}
		if s.next < s.end {
			return
		}
	}
	if err := s.log.Check(s.epoch); err != nil {
		c.fail(s, nowMs, "loading", err)
		return
	}
	s.state, s.pauseMs = serving, 0
	c.o.Logger.Debug("coordinator shard is loaded", "topic", c.o.Topic, "partition", s.index, "epoch", s.epoch, "end", s.end)
	c.decide(s, nowMs, func(t *Turn, m Machine) { m.Loaded(t) })
}

// replayPiece reads about LoadBytes and replays them.
func (c *Core) replayPiece(s *shard) (err error) {
	var next int64
	c.buffer, next, err = s.log.Read(c.buffer[:0], s.next, c.o.LoadBytes)
	if err != nil {
		return err
	}
	if next <= s.next {
		return fmt.Errorf("nothing to read at offset %d, before the end %d", s.next, s.end)
	}
	for rest := c.buffer; len(rest) > 0; {
		var b batch.Batch
		if b, rest, err = batch.Next(rest); err != nil {
			return err
		}
		if err := c.replayBatch(s, b); err != nil {
			return err
		}
	}
	s.next = next
	if cap(c.buffer) > maxKeptBuffer {
		c.buffer, c.plain = nil, nil
	}
	return nil
}

// maxKeptBuffer bounds the memory that is kept from one load to the next.
const maxKeptBuffer = 4 << 20

// replayBatch hands the records of a batch to the machine.
func (c *Core) replayBatch(s *shard, b batch.Batch) (err error) {
	plain := b.Payload()
	if b.Codec() != compress.None {
		if c.plain, err = b.Plain(&c.codec, c.plain[:0], compress.DefaultBudget(s.log.MaxBatchBytes())); err != nil {
			return fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
		}
		plain = c.plain
	}
	it := batch.IterateRecords(plain, b.NumRecords())
	for it.Next() {
		r := it.Record()
		if b.Offset(r) < s.next {
			continue // replayed before
		}
		p := Replayed{
			Offset: b.Offset(r), TimestampMs: b.Timestamp(r), ProducerID: b.ProducerID(), ProducerEpoch: b.ProducerEpoch(),
			Transactional: b.Transactional(), Key: r.Key, Value: r.Value,
		}
		if b.Control() {
			if p.Marker, p.Key, p.Value = marker(r), nil, nil; p.Marker == NoMarker {
				continue
			}
		}
		if err := s.machine.Replay(p); err != nil {
			return fmt.Errorf("record at offset %d: %w", p.Offset, err)
		}
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
	}
	return nil
}

// marker is what a control record says of a transaction.
func marker(r batch.Record) Marker {
	switch t, err := r.ControlType(); {
	case err != nil:
		return NoMarker
	case t == batch.ControlCommit:
		return CommitMarker
	case t == batch.ControlAbort:
		return AbortMarker
	}
	return NoMarker
}
