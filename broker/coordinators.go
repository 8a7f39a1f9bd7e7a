package broker

import (
	"errors"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	groups "github.com/thalweg-io/thalweg/broker/internal/coordinator/group"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kerr"
)

var _ coordinator.Partition = replica.Internal{}

// maxLoadBytes bounds what one step of loading a shard replays, whatever offsets.load.buffer.size allows: other shards of the loop wait
// meanwhile.
const maxLoadBytes = 1 << 20

// startGroups starts the coordinator of consumer groups. It leads nothing before Begin.
func (b *Broker) startGroups(manager *replica.Manager) {
	b.groups = coordinator.Start(coordinator.Options{
		Topic: kafka.OffsetsTopic, Self: kafka.BrokerID(b.cfg.NodeID), Logger: b.lg,
		Machine: func(int32) coordinator.Machine { return groups.New(b.lg) },
		Partition: func(index int32) coordinator.Partition {
			if p, ok := manager.Internal(kafka.OffsetsTopic, index); ok {
				return p
			}
			return nil
		},
		Code:            shardCode,
		AnswerTimeoutMs: b.serverInt("offsets.commit.timeout.ms"),
		Codec:           compress.Codec(b.serverInt("offsets.topic.compression.codec")),
		LoadBytes:       int32(min(b.serverInt("offsets.load.buffer.size"), maxLoadBytes)),
	}, int(b.serverInt("group.coordinator.threads")), b.loader.Current())
	b.loader.Subscribe(b.groups)
}

// serverInt is a key of server.properties that is a number; what is not one, which FromProperties refuses, counts as the default.
func (b *Broker) serverInt(key string) int64 {
	value, _, _ := b.loader.Current().ServerConfig(key)
	def := metadata.ServerConfigDefOf(key)
	if def.Check(value) != nil {
		value = def.Default
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		panic("BUG: " + key + " is no number: " + err.Error())
	}
	return n
}

// shardCode is what those are told whose decision could not be appended: to try again, where this broker may get well by itself.
func shardCode(err error) *kerr.Error {
	for _, passing := range []error{replica.ErrNotEnoughReplicas, storage.ErrFull, storage.ErrStalled} {
		if errors.Is(err, passing) {
			return kerr.CoordinatorNotAvailable
		}
	}
	return kerr.NotCoordinator
}
