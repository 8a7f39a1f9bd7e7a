package metadata

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// TestConfigSynonyms is SURFACE 32 as DescribeConfigs shows it: everything that could have given the value, in order.
func TestConfigSynonyms(t *testing.T) {
	defaults, err := NewDefaults(map[string]string{"log.retention.hours": "2", "log.roll.ms": "7", "min.insync.replicas": "2"})
	if err != nil {
		t.Fatal(err)
	}
	b := NewBuilder(NewImage(ImageOptions{NodeID: 1, Defaults: defaults}))
	set := func(r Resource, name, value string) { b.setConfig(r, name, &value) }
	set(TopicResource("a"), "retention.ms", "1")
	set(BrokerResource(1), "log.roll.ms", "3")
	set(BrokerResource(2), "log.roll.ms", "9") // another node's
	set(DefaultBrokerResource, "log.roll.ms", "4")
	set(DefaultBrokerResource, "log.retention.ms", "5")
	image, _ := b.Freeze()
	f := func(got []ConfigSynonym, want string) {
		t.Helper()
		var out []string
		for _, s := range got {
			out = append(out, fmt.Sprintf("%d:%s=%s", s.Source, s.Name, s.Value))
		}
		if s := strings.Join(out, " "); s != want {
			t.Errorf("%s, want %s", s, want)
		}
	}
	topic := func(topic, name, want string) {
		t.Helper()
		f(image.TopicConfigSynonyms(topic, TopicConfigDefOf(name)), want)
	}
	topic("a", "retention.ms", "1:retention.ms=1 3:log.retention.ms=5 4:log.retention.hours=2 5:log.retention.hours=168")
	topic("b", "retention.ms", "3:log.retention.ms=5 4:log.retention.hours=2 5:log.retention.hours=168")
	topic("b", "segment.ms", "2:log.roll.ms=3 3:log.roll.ms=4 4:log.roll.ms=7 5:log.roll.hours=168")
	topic("b", "segment.jitter.ms", "")
	topic("b", "flush.ms", "")
	topic("b", "min.insync.replicas", "4:min.insync.replicas=2 5:min.insync.replicas=1")
	topic("b", "remote.log.copy.disable", "")
	topic("b", FlushPolicy, "5:flush.policy=group")
	key := func(name, want string) {
		t.Helper()
		def, place := ServerKey(name)
		if def == nil || def.Synonyms[place].Name != name {
			t.Fatalf("%s is not found", name)
		}
		f(image.ServerConfigSynonyms(def, name), want)
	}
	key("log.retention.minutes", "")
	key("log.retention.hours", "4:log.retention.hours=2 5:log.retention.hours=168")
	key("log.flush.scheduler.interval.ms", "5:log.flush.scheduler.interval.ms=9223372036854775807")
	key("log.roll.jitter.hours", "5:log.roll.jitter.hours=0")
	if def, _ := ServerKey("no.such"); def != nil {
		t.Errorf("%+v", def)
	}
}

func TestCheckServerKey(t *testing.T) {
	f := func(key, value, want string) {
		t.Helper()
		def, place := ServerKey(key)
		got := ""
		if err := def.CheckServerKey(place, value); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s=%s: %q, want %q", key, value, got, want)
		}
	}
	f("log.retention.ms", "5", "")
	f("log.retention.ms", "-2", "Invalid value -2 for configuration log.retention.ms: Value must be at least -1")
	f("log.retention.hours", "5", "")
	f("log.retention.hours", "x", "Invalid value x for configuration log.retention.hours: Not a number of type INT")
	f("min.insync.replicas", "0", "Invalid value 0 for configuration min.insync.replicas: Value must be at least 1")
}

// TestVanishedTopics: what came and went between two images is told, because its data may lie on a disk (C-21).
func TestVanishedTopics(t *testing.T) {
	b := NewBuilder(NewImage(ImageOptions{}))
	apply := func(records ...schema.Record) *Delta {
		t.Helper()
		for _, r := range records {
			if err := b.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		_, d := b.Freeze()
		return d
	}
	apply(broker(1))
	d := apply(topicRecord(2, "b"), partition(2, 0), topicRecord(1, "a"), partition(1, 0),
		&schema.RemoveTopicRecord{TopicID: id(2)}, &schema.RemoveTopicRecord{TopicID: id(1)}, topicRecord(3, "a"), partition(3, 0))
	if fmt.Sprint(d.Vanished) != fmt.Sprint([]any{id(1), id(2)}) || len(d.Topics) != 1 || d.Empty() {
		t.Errorf("%+v", d)
	}
	d = apply(&schema.RemoveTopicRecord{TopicID: id(3)})
	if len(d.Vanished) != 0 || len(d.Topics) != 1 || !d.Topics[0].Deleted() {
		t.Errorf("%+v", d)
	}
	if d := apply(topicRecord(4, "d"), partition(4, 0), &schema.RemoveTopicRecord{TopicID: id(4)}); d.Empty() || len(d.Vanished) != 1 {
		t.Errorf("%+v", d)
	}
}
