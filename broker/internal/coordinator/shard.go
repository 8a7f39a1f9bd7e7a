package coordinator

import (
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
)

// state is where a shard is in its life.
type state uint8

const (
	absent  state = iota // led elsewhere, or not at all
	loading              // being replayed
	serving
	failed // led here, but its log is not open or could not be read; tried again at retryMs
)

// A shard that failed is loaded again after a pause, which doubles from the first of these to the second; to the third while
// its log is not there yet, which costs nothing to see.
const (
	firstPauseMs   = 10
	maxPauseMs     = 10_000
	maxOpenPauseMs = 200
)

// shard is one partition of the topic.
type shard struct {
	index   int32
	epoch   kafka.LeaderEpoch // the newest that is known, led here or elsewhere
	state   state
	log     Partition
	machine Machine
	timers  map[string]*timer

	// next is the offset to replay next: while serving, the end of what is in the machine.
	next int64
	// end is where loading ends: the log's end when it began.
	end     int64
	retryMs int64
	pauseMs int64

	// parked are the answers that wait, in order of threshold and of deadline.
	parked []parked
	// watch takes the watch back that waits for the high watermark to reach watchAt; nil if there is none.
	watch   func()
	watchAt int64
}

// parked is an answer that waits for the high watermark.
type parked struct {
	threshold  int64
	deadlineMs int64
	done       func(*kerr.Error)
}

func newShard(index int32) *shard {
	return &shard{index: index, epoch: kafka.NoLeaderEpoch, timers: make(map[string]*timer)}
}

// discard drops what a shard holds. Everybody who waits is told.
func (c *Core) discard(s *shard, code *kerr.Error) {
	if s.state == absent {
		return
	}
	waiting, machine := s.parked, s.machine
	s.unwatch()
	c.timers.drop(s)
	s.state, s.log, s.machine, s.parked = absent, nil, nil, nil
	for _, a := range waiting {
		a.done(code)
	}
	if machine != nil {
		machine.Closed(code)
	}
}

// fail discards a shard that is still led here and tries to load it again after a pause.
func (c *Core) fail(s *shard, nowMs int64, what string, err error) {
	c.o.Logger.Warn("coordinator shard is discarded", "topic", c.o.Topic, "partition", s.index, "epoch", s.epoch, "when", what, "err", err)
	c.discard(s, kerr.NotCoordinator)
	s.again(nowMs, maxPauseMs)
}

// again has a shard that is led here loaded after a pause.
func (s *shard) again(nowMs, maxMs int64) {
	s.state = failed
	s.pauseMs = min(max(2*s.pauseMs, firstPauseMs), maxMs)
	s.retryMs = nowMs + s.pauseMs
}

// stepShard does what is due in one shard.
func (c *Core) stepShard(s *shard, nowMs int64) {
	switch s.state {
	case loading:
		c.load(s, nowMs)
	case failed:
		if nowMs >= s.retryMs {
			c.open(s, nowMs)
		}
	case serving:
		if len(s.parked) > 0 && s.parked[0].deadlineMs <= nowMs {
			c.settle(s, nowMs)
		}
	}
}

// park lets answers wait for all that the shard has seen.
func (c *Core) park(s *shard, nowMs int64, answers []func(*kerr.Error)) {
	for _, done := range answers {
		threshold := s.next
		if plantedAnswerAtOnce {
			threshold = 0
		}
		s.parked = append(s.parked, parked{threshold: threshold, deadlineMs: nowMs + c.o.AnswerTimeoutMs, done: done})
	}
}

// settle gives the answers that are due: what is committed, and what has waited too long.
func (c *Core) settle(s *shard, nowMs int64) {
	if len(s.parked) == 0 {
		return
	}
	committed := s.log.HighWatermark()
	if err := s.log.Check(s.epoch); err != nil { // after the look at the high watermark, which is thereby ours
		c.fail(s, nowMs, "parked", err)
		return
	}
	n := 0
	for ; n < len(s.parked); n++ {
		a := &s.parked[n]
		if a.threshold <= committed {
			a.done(nil)
		} else if a.deadlineMs <= nowMs {
			a.done(kerr.CoordinatorNotAvailable)
		} else {
			break
		}
	}
	rest := copy(s.parked, s.parked[n:])
	clear(s.parked[rest:])
	s.parked = s.parked[:rest]
	c.watch(s)
}

// watch asks to be woken for the first answer that waits.
func (c *Core) watch(s *shard) {
	switch {
	case len(s.parked) == 0:
		s.unwatch()
	case s.watch == nil || s.watchAt != s.parked[0].threshold:
		s.unwatch()
		wake, index := c.o.Wake, s.index
		s.watchAt = s.parked[0].threshold
		s.watch = s.log.Watch(s.watchAt, func() { wake(index) })
	}
}

func (s *shard) unwatch() {
	if s.watch != nil {
		s.watch()
		s.watch = nil
	}
}
