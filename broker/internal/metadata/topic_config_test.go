package metadata

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// TestTopicConfigTable: the table can be searched, and its own defaults pass its own checks.
func TestTopicConfigTable(t *testing.T) {
	last, n := "", 0
	TopicConfigs(func(d *TopicConfigDef) bool {
		n++
		if d.Name <= last {
			t.Errorf("%s comes after %s", d.Name, last)
		}
		last = d.Name
		if TopicConfigDefOf(d.Name) != d {
			t.Errorf("%s is not found", d.Name)
		}
		if err := d.Check(d.Default); err != nil && !d.NoDefault {
			t.Error(err)
		}
		return true
	})
	if n != 38 || TopicConfigDefOf("nope") != nil {
		t.Errorf("%d topic configs", n)
	}
}

// TestCheckTopicConfigs: what is refused, with the sentence that clients know from Kafka.
func TestCheckTopicConfigs(t *testing.T) {
	m := NewImage(ImageOptions{})
	f := func(want string, pairs ...string) {
		t.Helper()
		var values []ConfigValue
		for _, p := range pairs {
			name, value, _ := strings.Cut(p, "=")
			values = append(values, ConfigValue{name, value})
		}
		err := m.CheckTopicConfigs(values)
		if got := ""; err != nil {
			if got = err.Error(); got != want || !errors.Is(err, ErrConfig) {
				t.Errorf("%q: got  %q\nwant %q", pairs, got, want)
			}
		} else if want != "" {
			t.Errorf("%q accepted", pairs)
		}
	}
	f("")
	f("", "cleanup.policy=compact, delete", "retention.ms=-1", "segment.bytes=1048576", "flush.policy=os", "internal.segment.bytes=1000")
	f("", "cleanup.policy=", "compression.gzip.level=9", "min.cleanable.dirty.ratio=0.25", "preallocate=TRUE")
	f("", "leader.replication.throttled.replicas=*", "follower.replication.throttled.replicas=0:1,1:2")
	f("Unknown topic config name: no.such", "no.such=1")
	f("Unknown topic config name: message.format.version", "message.format.version=3.0") // gone since 4.0
	f("Invalid value abc for configuration retention.ms: Not a number of type LONG", "retention.ms=abc")
	f("Invalid value 2147483648 for configuration segment.bytes: Not a number of type INT", "segment.bytes=2147483648")
	f("Invalid value 1000 for configuration segment.bytes: Value must be at least 1048576", "segment.bytes=1000")
	f("Invalid value 0 for configuration min.insync.replicas: Value must be at least 1", "min.insync.replicas=0")
	f("Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1", "min.cleanable.dirty.ratio=1.5")
	f("Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1", "min.cleanable.dirty.ratio=2")
	f("Invalid value NaN for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE", "min.cleanable.dirty.ratio=NaN")
	f("Invalid value yes for configuration preallocate: Expected value to be either true or false", "preallocate=yes")
	f("Invalid value purge for configuration cleanup.policy: String must be one of: compact, delete", "cleanup.policy=delete,purge")
	f("Invalid value delete,delete for configuration cleanup.policy: Duplicate value: delete", "cleanup.policy=delete,delete")
	f("Invalid value brotli for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer", "compression.type=brotli")
	f("Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1", "compression.gzip.level=0")
	f("Invalid value sync for configuration flush.policy: String must be one of: group, os", "flush.policy=sync")
	f("Invalid value [1-2] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...", "leader.replication.throttled.replicas=1-2")
	f("conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)", "max.compaction.lag.ms=5", "min.compaction.lag.ms=10")
	f("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.", "remote.storage.enable=true")
	f("The configuration value cannot be added because it exceeds the maximum value size of 32767 bytes.", "compression.type="+strings.Repeat("x", 32768))
}

// TestTopicConfigSources is the precedence of SURFACE 32, the strongest source last.
func TestTopicConfigSources(t *testing.T) {
	defaults, err := NewDefaults(map[string]string{"log.retention.hours": "2", "log.retention.minutes": "3", "log.roll.hours": "1", "other": "x", "message.max.bytes": "77"})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder(NewImage(ImageOptions{NodeID: 5, Defaults: defaults}))
	f := func(name, want string, source Source) {
		t.Helper()
		if v, s, ok := b.View().TopicConfig("t", name); !ok || v != want || s != source {
			t.Errorf("%s = %q from %d, %v; want %q from %d", name, v, s, ok, want, source)
		}
	}
	set := func(res Resource, name, value string) {
		t.Helper()
		if err := b.Apply(&schema.ConfigRecord{ResourceType: res.Type, ResourceName: res.Name, Name: name, Value: &value}); err != nil {
			t.Fatal(err)
		}
	}
	f("retention.bytes", "-1", SourceDefault)
	f("retention.ms", "180000", SourceStaticBroker)
	f("segment.ms", "3600000", SourceStaticBroker)
	set(DefaultBrokerResource, "log.retention.ms", "10")
	f("retention.ms", "10", SourceDynamicDefaultBroker)
	set(BrokerResource(4), "log.retention.ms", "12")
	f("retention.ms", "10", SourceDynamicDefaultBroker) // another broker's
	set(BrokerResource(5), "log.retention.ms", "11")
	f("retention.ms", "11", SourceDynamicBroker)
	set(TopicResource("t"), "retention.ms", "13")
	f("retention.ms", "13", SourceTopic)
	for _, name := range []string{"nope", "internal.segment.bytes"} {
		if v, _, ok := b.View().TopicConfig("t", name); ok {
			t.Errorf("%s = %q", name, v)
		}
	}
	var names []string
	b.View().ResolveTopicConfigs([]ConfigValue{{"retention.ms", "1"}}, func(d *TopicConfigDef, v string, s Source) bool {
		names = append(names, d.Name)
		if d.Name == "retention.ms" && (v != "1" || s != SourceTopic) {
			t.Errorf("retention.ms of a new topic = %s from %d", v, s)
		}
		return true
	})
	if len(names) != 37 || !slices.IsSorted(names) {
		t.Errorf("%d configs of a new topic: %q", len(names), names)
	}
	for key, value := range map[string]string{"log.retention.hours": "x", "log.segment.bytes": "5", "log.cleanup.policy": "no", "log.flush.policy": "maybe"} {
		if _, err := NewDefaults(map[string]string{key: value}); !errors.Is(err, ErrConfig) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
}

// TestEffectiveTopicConfig: the typed form, its defaults, and what a topic's overrides do.
func TestEffectiveTopicConfig(t *testing.T) {
	b := NewBuilder(NewImage(ImageOptions{}))
	want := TopicConfig{
		MaxMessageBytes: 1048588, SegmentBytes: 1 << 30, SegmentMs: 604800000, SegmentIndexBytes: 10485760, IndexIntervalBytes: 4096,
		CleanupDelete: true, RetentionMs: 604800000, RetentionBytes: -1, FileDeleteDelayMs: 60000, DeleteRetentionMs: 86400000,
		MaxCompactionLagMs: math.MaxInt64, MinCleanableDirtyRatio: 0.5, BeforeMaxMs: math.MaxInt64, AfterMaxMs: 3600000,
		MinInSyncReplicas: 1, FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64,
	}
	if got := b.View().EffectiveTopicConfig("t"); got != want {
		t.Errorf("defaults\n%+v, want\n%+v", got, want)
	}
	for _, topic := range []string{"t", "__consumer_offsets"} {
		for _, kv := range [][2]string{
			{"cleanup.policy", "compact"}, {"flush.policy", "os"}, {"message.timestamp.type", "LogAppendTime"}, {"internal.segment.bytes", "500"},
			{"segment.bytes", "broken"}, {"max.message.bytes", " 99 "}, {uncleanElection, "TRUE"}, {minInsyncReplicas, "3"},
		} {
			if err := b.Apply(&schema.ConfigRecord{ResourceType: 2, ResourceName: topic, Name: kv[0], Value: &kv[1]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want.CleanupDelete, want.CleanupCompact, want.FlushOS, want.TimestampLogAppend = false, true, true, true
	want.SegmentBytes, want.MaxMessageBytes, want.UncleanElection, want.MinInSyncReplicas = 500, 99, true, 3
	if got := b.View().EffectiveTopicConfig("t"); got != want {
		t.Errorf("with overrides\n%+v, want\n%+v", got, want)
	}
	want.FlushOS = false
	if got := b.View().EffectiveTopicConfig("__consumer_offsets"); got != want {
		t.Errorf("internal topic\n%+v, want\n%+v", got, want)
	}
	if got := b.View().MinInSyncReplicas("t"); got != 3 {
		t.Errorf("min ISR %d", got)
	}
}
