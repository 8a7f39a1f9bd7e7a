package group

import (
	"log/slog"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Caller is who asks.
type Caller struct {
	ClientID   string
	ClientHost string // "/" and the address, as Kafka writes it down and shows it
	Version    int16  // of the request
	// Describe says whether the caller may describe a topic that a regular expression finds; nil: any.
	Describe func(topic string) bool
}

// Shard is the groups of one partition of __consumer_offsets. It implements coordinator.Machine and coordinator.Follower.
// Methods with a reply call it exactly once: after the decision, when what it says is committed, or with a code.
type Shard struct {
	lg     *slog.Logger
	config Config

	classic  map[string]*classicGroup
	consumer map[string]*consumerGroup // no name is in both
	offsets  map[string]groupOffsets   // of groups that exist
	pending  map[kafka.ProducerID]map[string]groupOffsets

	// soft state
	deleting map[string][]func(code *kerr.Error) // deletions that take more than one decision
	vanished []string                            // deleted topics whose offsets still have to go
	// tooLargeMs is when the target of a consumer group was last computed and did not fit into a batch.
	tooLargeMs map[string]int64
}

var (
	_ coordinator.Machine  = (*Shard)(nil)
	_ coordinator.Follower = (*Shard)(nil)
)

// New returns an empty shard.
func New(lg *slog.Logger) *Shard {
	return &Shard{
		lg: lg, classic: map[string]*classicGroup{}, consumer: map[string]*consumerGroup{},
		offsets: map[string]groupOffsets{}, pending: map[kafka.ProducerID]map[string]groupOffsets{},
		deleting: map[string][]func(*kerr.Error){}, tooLargeMs: map[string]int64{},
	}
}

// Loaded implements coordinator.Machine.
func (s *Shard) Loaded(t *coordinator.Turn) {
	s.config = ConfigOf(t.Image())
	for _, name := range sortedKeys(s.classic) {
		s.classicLoaded(t, s.classic[name])
	}
	for _, name := range sortedKeys(s.consumer) {
		s.consumerLoaded(t, s.consumer[name])
	}
	s.scheduleExpiry(t)
}

// Published implements coordinator.Follower.
func (s *Shard) Published(t *coordinator.Turn, delta *metadata.Delta) {
	if len(delta.Configs) > 0 {
		s.config = ConfigOf(t.Image())
	}
	for _, topic := range delta.Topics {
		if topic.Deleted() {
			s.vanished = append(s.vanished, topic.Name())
		}
	}
	s.dropVanished(t)
	s.consumerPublished(t, delta)
}

// Closed implements coordinator.Machine.
func (s *Shard) Closed(code *kerr.Error) {
	for _, name := range sortedKeys(s.classic) {
		s.classic[name].closed(code)
	}
	for _, name := range sortedKeys(s.deleting) {
		for _, done := range s.deleting[name] {
			done(code)
		}
	}
}
