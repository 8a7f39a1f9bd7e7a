package coordinator

import (
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kerr"
)

// decide makes one decision: it is appended as one batch, replayed, and its answers wait.
func (c *Core) decide(s *shard, nowMs int64, f func(*Turn, Machine)) {
	t := &c.turn
	t.core, t.shard, t.now = c, s, nowMs+c.wallMs
	t.batch.Reset(batch.BuilderOptions{Codec: c.o.Codec, Level: compress.DefaultLevel})
	f(t, s.machine)
	answers := t.answers
	t.answers = nil
	var err error
	if t.batch.NumRecords() > 0 {
		err = c.commit(s, t)
	}
	if err != nil {
		c.fail(s, nowMs, "appending", err)
		code := c.codeOf(err)
		for _, done := range answers {
			done(code)
		}
		return
	}
	c.park(s, nowMs, answers)
	clear(answers)
	t.answers = answers[:0]
	c.settle(s, nowMs)
}

// commit appends the batch of a decision and replays it.
func (c *Core) commit(s *shard, t *Turn) error {
	b, err := t.batch.Build()
	if err != nil {
		return err
	}
	if limit := s.log.MaxBatchBytes(); len(b) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", errTooLarge, len(b), limit)
	}
	base, err := s.log.Append(b, s.epoch, t.now)
	if err != nil {
		return err
	}
	if base != s.next {
		return fmt.Errorf("%w: appended at offset %d, replayed up to %d", errForeign, base, s.next)
	}
	b.SetBaseOffset(base)
	if err := c.replayBatch(s, b); err != nil {
		return err
	}
	s.next = b.NextOffset()
	return nil
}

// errTooLarge: the batch of a decision is over the bound.
var errTooLarge = errors.New("batch is too large")

// errForeign: somebody else has written into the partition; loading again takes it in.
var errForeign = errors.New("records in the partition that this coordinator has not written")

// codeOf is what the callers of a decision are told that could not be appended.
func (c *Core) codeOf(err error) *kerr.Error {
	if errors.Is(err, errTooLarge) {
		return kerr.MessageTooLarge
	}
	if c.o.Code != nil {
		if code := c.o.Code(err); code != nil {
			return code
		}
	}
	return kerr.NotCoordinator
}
