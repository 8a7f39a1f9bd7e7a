package admin

import (
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// newTopic is the request for a topic that is created because somebody needs it: an internal one as Kafka makes it (SURFACE
// §8.7), any other with the broker's defaults.
func newTopic(name string, image *metadata.Image) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, -1, -1
	if name != kafka.OffsetsTopic {
		return t
	}
	t.NumPartitions = int32(serverInt(image, "offsets.topic.num.partitions"))
	t.ReplicationFactor = int16(serverInt(image, "offsets.topic.replication.factor"))
	if _, source, _ := image.ServerConfig("offsets.topic.replication.factor"); source == metadata.SourceDefault {
		t.ReplicationFactor = min(t.ReplicationFactor, int16(image.NumBrokers())) // ARCHITECTURE decision 11
	}
	segment := strconv.FormatInt(serverInt(image, "offsets.topic.segment.bytes"), 10)
	for _, c := range [][2]string{{"cleanup.policy", "compact"}, {"compression.type", "producer"}, {"segment.bytes", segment}} {
		e := kmsg.NewCreateTopicsRequestTopicConfig()
		e.Name, e.Value = c[0], &c[1]
		t.Configs = append(t.Configs, e)
	}
	return t
}

// serverInt is the value of a server key that is a number; what does not parse counts as the built-in value.
func serverInt(image *metadata.Image, key string) int64 {
	value, _, _ := image.ServerConfig(key)
	if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
		return n
	}
	n, err := strconv.ParseInt(metadata.ServerConfigDefOf(key).Default, 10, 64)
	if err != nil {
		panic("BUG: " + key + " is no number of the server")
	}
	return n
}
