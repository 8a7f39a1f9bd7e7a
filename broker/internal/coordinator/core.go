package coordinator

import (
	"log/slog"
	"math/rand/v2"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Options is what a Core works with. All fields but those with a default are needed.
type Options struct {
	Topic string         // the internal topic
	Self  kafka.BrokerID // this broker
	// Machine makes what a shard remembers, empty.
	Machine func(index int32) Machine
	// Partition finds a partition of the topic that is on this broker, or returns nil.
	Partition func(index int32) Partition
	// Wake asks for Core.Woken of a shard, soon. It may be called on any goroutine, also by one that is in the Core.
	Wake func(index int32)
	// Mine says which shards belong to this Core. Nil: all.
	Mine func(index int32) bool
	// Code is what the callers are told of an error of the Partition; nil is NOT_COORDINATOR. Nil: always.
	Code   func(err error) *kerr.Error
	Rand   *rand.Rand
	Logger *slog.Logger
	// AnswerTimeoutMs is how long an answer waits to be committed (offsets.commit.timeout.ms). Default 5000.
	AnswerTimeoutMs int64
	// Codec is what batches are compressed with. Fits counts what records take without.
	Codec compress.Codec
	// LoadBytes is about how much of a log one step replays, so that other shards are served in between. Default 1 MiB.
	LoadBytes int32
}

const (
	defaultAnswerTimeoutMs = 5000
	defaultLoadBytes       = 1 << 20
)

// Core holds the shards of one loop. It is not for concurrent use and must not be called from within what it calls. The times
// that it is given (nowMs) are of a clock that does not jump; see SetWall.
type Core struct {
	o      Options
	image  *metadata.Image
	wallMs int64    // what the wall clock is ahead of the clock of the calls
	shards []*shard // by index; nil where nothing is known
	timers timers
	turn   Turn

	buffer []byte // for loading
	plain  []byte
	codec  compress.Decompressor
}

// New returns a Core without shards. image is what is known of the cluster so far; nothing of it is acted on.
func New(o Options, image *metadata.Image) *Core {
	if o.AnswerTimeoutMs <= 0 {
		o.AnswerTimeoutMs = defaultAnswerTimeoutMs
	}
	if o.LoadBytes <= 0 {
		o.LoadBytes = defaultLoadBytes
	}
	return &Core{o: o, image: image}
}

// SetWall tells how many milliseconds the wall clock is ahead of the clock of the calls. What machines see and write is the
// wall clock; what they wait for is not moved when that jumps.
func (c *Core) SetWall(aheadMs int64) { c.wallMs = aheadMs }

// at is the shard of an index.
func (c *Core) at(index int32) *shard {
	for int(index) >= len(c.shards) {
		c.shards = append(c.shards, nil)
	}
	if c.shards[index] == nil {
		c.shards[index] = newShard(index)
	}
	return c.shards[index]
}

// Begin takes an image in as a whole: what is led in it is loaded. Images that come later go to Publish.
func (c *Core) Begin(image *metadata.Image, nowMs int64) {
	c.image = image
	t := image.Topic(c.o.Topic)
	if t == nil {
		return
	}
	for i, p := range t.Partitions {
		c.elected(int32(i), p, nowMs)
	}
}

// elected takes in who leads a partition.
func (c *Core) elected(index int32, p *metadata.Partition, nowMs int64) {
	switch {
	case p == nil, c.o.Mine != nil && !c.o.Mine(index):
	case p.Leader == c.o.Self:
		c.Lead(index, p.LeaderEpoch, nowMs)
	default:
		c.Resign(index, p.LeaderEpoch)
	}
}

// Publish takes in a new image: elections and removals of partitions of the topic; then the machines hear of it that want to.
func (c *Core) Publish(delta *metadata.Delta, image *metadata.Image, nowMs int64) {
	c.image = image
	for _, d := range delta.Topics {
		if d.Name() != c.o.Topic {
			continue
		}
		if d.Deleted() {
			c.forget()
			continue
		}
		d.Partitions(func(index int32, _, after *metadata.Partition) bool {
			c.elected(index, after, nowMs)
			return true
		})
	}
	if len(delta.Topics) > 0 || len(delta.Configs) > 0 {
		c.tell(delta, nowMs)
	}
}

// tell hands a delta to the machines that are loaded.
func (c *Core) tell(delta *metadata.Delta, nowMs int64) {
	for _, s := range c.shards {
		if s == nil || s.state != serving {
			continue
		}
		if f, ok := s.machine.(Follower); ok {
			c.decide(s, nowMs, func(t *Turn, _ Machine) { f.Published(t, delta) })
		}
	}
}

// Lead begins to load a shard, as the leader of its partition in that epoch. An epoch that is not newer than what is known is
// ignored (T-15).
func (c *Core) Lead(index int32, epoch kafka.LeaderEpoch, nowMs int64) {
	s := c.at(index)
	if epoch <= s.epoch && !plantedStaleEpoch {
		return
	}
	c.discard(s, kerr.NotCoordinator)
	s.epoch = epoch
	c.open(s, nowMs)
}

// Resign discards a shard: in that epoch somebody else leads, or nobody. An older epoch than what is known is ignored.
func (c *Core) Resign(index int32, epoch kafka.LeaderEpoch) {
	s := c.at(index)
	if epoch < s.epoch {
		return
	}
	s.epoch = epoch
	c.discard(s, kerr.NotCoordinator)
}

// forget discards every shard, as the topic was deleted: the epochs of another one of that name begin anew.
func (c *Core) forget() {
	for _, s := range c.shards {
		if s != nil {
			c.discard(s, kerr.NotCoordinator)
			s.epoch = kafka.NoLeaderEpoch
		}
	}
}

// Close discards every shard, at the end of the process.
func (c *Core) Close() { c.forget() }

// Do makes a decision about a shard: exactly one of decide and refused is called, before Do returns. refused is told
// COORDINATOR_LOAD_IN_PROGRESS, also while the log is not open yet, or NOT_COORDINATOR.
func (c *Core) Do(index int32, nowMs int64, decide func(*Turn, Machine), refused func(*kerr.Error)) {
	if code := c.refusal(index); code != nil {
		refused(code)
		return
	}
	s := c.shards[index]
	if err := s.log.Check(s.epoch); err != nil { // T-15
		c.fail(s, nowMs, "lost", err)
		refused(kerr.NotCoordinator)
		return
	}
	c.decide(s, nowMs, decide)
}

// refusal is why a shard does not serve, or nil.
func (c *Core) refusal(index int32) *kerr.Error {
	if index < 0 || int(index) >= len(c.shards) || c.shards[index] == nil {
		return kerr.NotCoordinator
	}
	switch s := c.shards[index]; {
	case s.state == serving, s.state == loading && plantedSkipLoad:
		return nil
	case s.state == loading, s.state == failed:
		return kerr.CoordinatorLoadInProgress
	}
	return kerr.NotCoordinator
}

// Woken looks at a shard's log again, after Options.Wake: answers may be due, or the leadership lost.
func (c *Core) Woken(index int32, nowMs int64) {
	if int(index) < len(c.shards) && c.shards[index] != nil && c.shards[index].state == serving {
		s := c.shards[index]
		s.unwatch() // it has fired
		c.settle(s, nowMs)
	}
}

// Step does what is due: timers, deadlines, and a piece of each shard that is being loaded.
func (c *Core) Step(nowMs int64) {
	for seq := c.timers.seq; ; { // what these timers set is for the next step
		t := c.timers.due(nowMs, seq)
		if t == nil {
			break
		}
		c.decide(t.shard, nowMs, func(turn *Turn, _ Machine) { t.decide(turn) })
	}
	for _, s := range c.shards {
		if s != nil {
			c.stepShard(s, nowMs)
		}
	}
}

// Next is when Step has something to do next, in the clock of nowMs; ok is false for never.
func (c *Core) Next(nowMs int64) (atMs int64, ok bool) {
	at := func(ms int64) {
		if !ok || ms < atMs {
			atMs, ok = ms, true
		}
	}
	if len(c.timers.heap) > 0 {
		at(c.timers.heap[0].atMs)
	}
	for _, s := range c.shards {
		if s == nil {
			continue
		}
		if len(s.parked) > 0 {
			at(s.parked[0].deadlineMs)
		}
		switch s.state {
		case loading:
			at(nowMs)
		case failed:
			at(s.retryMs)
		}
	}
	return atMs, ok
}
