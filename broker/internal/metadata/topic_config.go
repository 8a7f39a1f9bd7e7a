package metadata

import (
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// TopicConfig is the effective config of a topic, typed. Names and units are those of the topic
// configs; see topic_config_table.go for which are acted on.
type TopicConfig struct {
	MaxMessageBytes    int32
	SegmentBytes       int32
	SegmentMs          int64
	SegmentJitterMs    int64
	SegmentIndexBytes  int32
	IndexIntervalBytes int32
	FlushOS            bool // flush.policy=os
	Preallocate        bool

	CleanupDelete, CleanupCompact bool
	RetentionMs, RetentionBytes   int64 // -1 is no limit
	FileDeleteDelayMs             int64
	DeleteRetentionMs             int64
	MinCompactionLagMs            int64
	MaxCompactionLagMs            int64
	MinCleanableDirtyRatio        float64

	TimestampLogAppend      bool
	BeforeMaxMs, AfterMaxMs int64 // math.MaxInt64 is off
	MinInSyncReplicas       int32
	UncleanElection         bool
	// Recompress says that batches are stored in Codec, whatever the producer chose (compression.type), at CompressionLevel.
	Recompress       bool
	Codec            compress.Codec
	CompressionLevel int
	// FlushMessages and FlushMs are when the records of a log with flush.policy=os are synced all the same: math.MaxInt64 is
	// never.
	FlushMessages, FlushMs int64
}

// EffectiveTopicConfig computes the typed config that counts for a topic on this node. It parses
// some thirty values: keep the result until a Delta names the topic, a broker resource or the
// topic's config resource. A value in the log that does not parse here, which only a newer Kafka
// could have accepted, counts as not set.
func (m *Image) EffectiveTopicConfig(topic string) TopicConfig {
	v := &values{image: m, overrides: m.ConfigsOf(TopicResource(topic))}
	policy := "," + strings.Join(splitList(v.text("cleanup.policy")), ",") + ","
	c := TopicConfig{
		MaxMessageBytes:        int32(v.long("max.message.bytes")),
		SegmentBytes:           int32(v.long("segment.bytes")),
		SegmentMs:              v.long("segment.ms"),
		SegmentJitterMs:        v.long("segment.jitter.ms"),
		SegmentIndexBytes:      int32(v.long("segment.index.bytes")),
		IndexIntervalBytes:     int32(v.long("index.interval.bytes")),
		FlushOS:                v.text(FlushPolicy) == "os" && !alwaysGroup(topic),
		Preallocate:            v.boolean("preallocate"),
		CleanupDelete:          strings.Contains(policy, ",delete,"),
		CleanupCompact:         strings.Contains(policy, ",compact,"),
		RetentionMs:            v.long("retention.ms"),
		RetentionBytes:         v.long("retention.bytes"),
		FileDeleteDelayMs:      v.long("file.delete.delay.ms"),
		DeleteRetentionMs:      v.long("delete.retention.ms"),
		MinCompactionLagMs:     v.long("min.compaction.lag.ms"),
		MaxCompactionLagMs:     v.long("max.compaction.lag.ms"),
		MinCleanableDirtyRatio: v.double("min.cleanable.dirty.ratio"),
		TimestampLogAppend:     v.text("message.timestamp.type") == "LogAppendTime",
		BeforeMaxMs:            v.long("message.timestamp.before.max.ms"),
		AfterMaxMs:             v.long("message.timestamp.after.max.ms"),
		MinInSyncReplicas:      int32(v.long(minInsyncReplicas)),
		UncleanElection:        v.boolean(uncleanElection),
		FlushMessages:          v.long("flush.messages"),
		FlushMs:                v.long("flush.ms"),
	}
	c.Recompress, c.Codec, c.CompressionLevel = v.compression()
	if bytes := v.long("internal.segment.bytes"); bytes > 0 {
		c.SegmentBytes = int32(bytes)
	}
	return c
}

// alwaysGroup names the logs whose loss would undo acknowledged commits and transactions: their
// flush policy is not a choice (ARCHITECTURE, durability).
func alwaysGroup(topic string) bool { return kafka.IsInternalTopic(topic) }

// MinInSyncReplicas is min.insync.replicas of a topic, at least 1 and at most its replication
// factor (SURFACE 43).
func (m *Image) MinInSyncReplicas(topic string) int {
	v := &values{image: m, overrides: m.ConfigsOf(TopicResource(topic))}
	n := int(v.long(minInsyncReplicas))
	if rf := m.Topic(topic).ReplicationFactor(); rf > 0 {
		n = min(n, rf)
	}
	return max(n, 1)
}

// UncleanElection is unclean.leader.election.enable of a topic.
func (m *Image) UncleanElection(topic string) bool {
	v := &values{image: m, overrides: m.ConfigsOf(TopicResource(topic))}
	return v.boolean(uncleanElection)
}

// values reads effective values of one topic.
type values struct {
	image     *Image
	overrides []ConfigValue
}

func (v *values) text(name string) string {
	def := TopicConfigDefOf(name)
	s, source, _ := v.image.resolve(def, v.overrides)
	if source != SourceDefault && def.Check(s) != nil {
		return def.Default
	}
	return strings.TrimSpace(s)
}

func (v *values) long(name string) int64 {
	n, _ := strconv.ParseInt(v.text(name), 10, 64)
	return n
}

func (v *values) double(name string) float64 {
	n, _ := strconv.ParseFloat(v.text(name), 64)
	return n
}

// compression reads compression.type and the level for it.
func (v *values) compression() (recompress bool, codec compress.Codec, level int) {
	switch name := v.text("compression.type"); name {
	case "producer":
		return false, compress.None, compress.DefaultLevel
	case "uncompressed":
		return true, compress.None, compress.DefaultLevel
	default:
		codec, _ = compress.Parse(name)
		if codec != compress.Snappy {
			level = int(v.long("compression." + name + ".level"))
		}
		return true, codec, level
	}
}

func (v *values) boolean(name string) bool { return strings.EqualFold(v.text(name), "true") }

// ResolveTopicConfigs yields, in order of name, the value that each topic config would have for a
// topic with the given overrides, and its source. Configs without a value are left out.
func (m *Image) ResolveTopicConfigs(overrides []ConfigValue, yield func(def *TopicConfigDef, value string, source Source) bool) {
	for i := range topicConfigs {
		def := &topicConfigs[i]
		if value, source, ok := m.resolve(def, overrides); ok && !yield(def, value, source) {
			return
		}
	}
}

// CheckTopicConfigs returns nil if a topic may be given these configs, which are sorted by name,
// each alone and all together with the defaults of this image. Errors: ErrConfig with a sentence
// for the client.
func (m *Image) CheckTopicConfigs(overrides []ConfigValue) error {
	for _, o := range overrides {
		def := TopicConfigDefOf(o.Name)
		if def == nil {
			return badConfig("Unknown topic config name: %s", o.Name)
		}
		if err := def.Check(o.Value); err != nil {
			return err
		}
	}
	v := &values{image: m, overrides: overrides}
	if lo, hi := v.long("min.compaction.lag.ms"), v.long("max.compaction.lag.ms"); lo > hi {
		return badConfig("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", lo, hi)
	}
	if v.boolean(remoteStorage) {
		return badConfig("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	return nil
}
