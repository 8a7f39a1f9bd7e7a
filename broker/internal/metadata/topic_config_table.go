package metadata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// TopicConfigDef describes one topic config.
type TopicConfigDef struct {
	Name    string
	Type    ConfigType
	Default string
	// NoDefault says that there is no value at all until one is set.
	NoDefault bool
	// Synonyms are the server.properties keys that set the value for all topics, the strongest first.
	Synonyms []Synonym
	// Effective says that this broker acts on the value; otherwise it is accepted, kept and shown
	// without effect.
	Effective bool

	check validator // may be nil
}

// Synonym is a key of server.properties, or a dynamic broker config.
type Synonym struct {
	Name string
	// UnitMs is what one of it is in milliseconds; 0 says that the value is taken as it is.
	UnitMs int64
}

// convert turns the synonym's value into the topic config's: hours and minutes become
// milliseconds; a negative time stays "no limit" (-1).
func (s Synonym) convert(value string) (string, error) {
	if s.UnitMs == 0 {
		return value, nil
	}
	v, err := strconv.ParseInt(value, 10, 32)
	switch {
	case err != nil:
		return "", badConfig("Invalid value %s for configuration %s: Not a number of type INT", value, s.Name)
	case v < 0:
		return "-1", nil
	}
	return strconv.FormatInt(v*s.UnitMs, 10), nil
}

// revert is convert backwards, for the built-in values.
func (s Synonym) revert(value string) string {
	ms, err := strconv.ParseInt(value, 10, 64)
	if s.UnitMs == 0 || err != nil {
		return value
	}
	return strconv.FormatInt(ms/s.UnitMs, 10)
}

// Check returns nil if value may be set for the config, else an ErrConfig whose text is Kafka's.
func (d *TopicConfigDef) Check(value string) error {
	return checkValue(d.Name, d.Type, d.check, value)
}

// TopicConfigs yields every topic config in order of name until yield returns false.
func TopicConfigs(yield func(*TopicConfigDef) bool) {
	for i := range topicConfigs {
		if !yield(&topicConfigs[i]) {
			return
		}
	}
}

// TopicConfigDefOf returns the definition of a topic config, or nil if there is none of that name.
func TopicConfigDefOf(name string) *TopicConfigDef {
	i, ok := slices.BinarySearchFunc(topicConfigs[:], name, func(d TopicConfigDef, n string) int { return strings.Compare(d.Name, n) })
	if !ok {
		return nil
	}
	return &topicConfigs[i]
}

const (
	minuteMs = 60_000
	hourMs   = 60 * minuteMs
	maxLong  = "9223372036854775807"
)

func as(names ...string) []Synonym {
	s := make([]Synonym, len(names))
	for i, n := range names {
		s[i].Name = n
	}
	return s
}

// FlushPolicy is the config that Kafka does not have: "group" (what is acknowledged and what is
// readable is on disk) or "os" (Kafka's meaning). See ARCHITECTURE, durability.
const FlushPolicy = "flush.policy"

// topicConfigs is every topic config of Kafka 4.4 and our own, in order of name; read-only.
var topicConfigs = [...]TopicConfigDef{
	{Name: "cleanup.policy", Type: TypeList, Default: "delete", Synonyms: as("log.cleanup.policy"), Effective: true, check: someOf("compact", "delete")},
	{Name: "compression.gzip.level", Type: TypeInt, Default: "-1", Synonyms: as("compression.gzip.level"), Effective: true, check: gzipLevel},
	{Name: "compression.lz4.level", Type: TypeInt, Default: "9", Synonyms: as("compression.lz4.level"), Effective: true, check: between(1, 17)},
	{Name: "compression.type", Type: TypeString, Default: "producer", Synonyms: as("compression.type"), Effective: true, check: oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")},
	{Name: "compression.zstd.level", Type: TypeInt, Default: "3", Synonyms: as("compression.zstd.level"), Effective: true, check: between(-131072, 22)},
	{Name: "delete.retention.ms", Type: TypeLong, Default: "86400000", Synonyms: as("log.cleaner.delete.retention.ms"), Effective: true, check: atLeast(0)},
	{Name: "errors.deadletterqueue.group.enable", Type: TypeBoolean, Default: "false"},
	{Name: "file.delete.delay.ms", Type: TypeLong, Default: "60000", Synonyms: as("log.segment.delete.delay.ms"), Effective: true, check: atLeast(0)},
	{Name: "flush.messages", Type: TypeLong, Default: maxLong, Synonyms: as("log.flush.interval.messages"), Effective: true, check: atLeast(1)},
	{Name: "flush.ms", Type: TypeLong, Default: maxLong, Synonyms: as("log.flush.interval.ms", "log.flush.scheduler.interval.ms"), Effective: true, check: atLeast(0)},
	{Name: FlushPolicy, Type: TypeString, Default: "group", Synonyms: []Synonym{{Name: FlushPolicy}, {Name: "log.flush.policy"}}, Effective: true, check: oneOf("group", "os")},
	{Name: "follower.replication.throttled.replicas", Type: TypeList, check: throttledReplicas},
	{Name: "index.interval.bytes", Type: TypeInt, Default: "4096", Synonyms: as("log.index.interval.bytes"), Effective: true, check: atLeast(0)},
	{Name: "internal.segment.bytes", Type: TypeInt, NoDefault: true, Effective: true, check: atLeast(1)},
	{Name: "leader.replication.throttled.replicas", Type: TypeList, check: throttledReplicas},
	{Name: "local.retention.bytes", Type: TypeLong, Default: "-2", Synonyms: as("log.local.retention.bytes"), check: atLeast(-2)},
	{Name: "local.retention.ms", Type: TypeLong, Default: "-2", Synonyms: as("log.local.retention.ms"), check: atLeast(-2)},
	{Name: "max.compaction.lag.ms", Type: TypeLong, Default: maxLong, Synonyms: as("log.cleaner.max.compaction.lag.ms"), Effective: true, check: atLeast(1)},
	{Name: "max.message.bytes", Type: TypeInt, Default: "1048588", Synonyms: as("message.max.bytes"), Effective: true, check: atLeast(0)},
	{Name: "message.timestamp.after.max.ms", Type: TypeLong, Default: "3600000", Synonyms: as("log.message.timestamp.after.max.ms"), Effective: true, check: atLeast(0)},
	{Name: "message.timestamp.before.max.ms", Type: TypeLong, Default: maxLong, Synonyms: as("log.message.timestamp.before.max.ms"), Effective: true, check: atLeast(0)},
	{Name: "message.timestamp.type", Type: TypeString, Default: "CreateTime", Synonyms: as("log.message.timestamp.type"), Effective: true, check: oneOf("CreateTime", "LogAppendTime")},
	{Name: "min.cleanable.dirty.ratio", Type: TypeDouble, Default: "0.5", Synonyms: as("log.cleaner.min.cleanable.ratio"), Effective: true, check: between(0, 1)},
	{Name: "min.compaction.lag.ms", Type: TypeLong, Default: "0", Synonyms: as("log.cleaner.min.compaction.lag.ms"), Effective: true, check: atLeast(0)},
	{Name: minInsyncReplicas, Type: TypeInt, Default: "1", Synonyms: as(minInsyncReplicas), Effective: true, check: atLeast(1)},
	{Name: "preallocate", Type: TypeBoolean, Default: "false", Synonyms: as("log.preallocate"), Effective: true},
	{Name: "remote.copy.lag.bytes", Type: TypeLong, Default: "-1", Synonyms: as("log.remote.copy.lag.bytes"), check: atLeast(-1)},
	{Name: "remote.copy.lag.ms", Type: TypeLong, Default: "0", Synonyms: as("log.remote.copy.lag.ms"), check: atLeast(-1)},
	{Name: "remote.log.copy.disable", Type: TypeBoolean, Default: "false"},
	{Name: "remote.log.delete.on.disable", Type: TypeBoolean, Default: "false"},
	{Name: remoteStorage, Type: TypeBoolean, Default: "false"},
	{Name: "retention.bytes", Type: TypeLong, Default: "-1", Synonyms: as("log.retention.bytes"), Effective: true},
	{Name: "retention.ms", Type: TypeLong, Default: "604800000", Effective: true, check: atLeast(-1),
		Synonyms: []Synonym{{Name: "log.retention.ms"}, {"log.retention.minutes", minuteMs}, {"log.retention.hours", hourMs}}},
	{Name: "segment.bytes", Type: TypeInt, Default: "1073741824", Synonyms: as("log.segment.bytes"), Effective: true, check: atLeast(1 << 20)},
	{Name: "segment.index.bytes", Type: TypeInt, Default: "10485760", Synonyms: as("log.index.size.max.bytes"), Effective: true, check: atLeast(4)},
	{Name: "segment.jitter.ms", Type: TypeLong, Default: "0", Effective: true, check: atLeast(0),
		Synonyms: []Synonym{{Name: "log.roll.jitter.ms"}, {"log.roll.jitter.hours", hourMs}}},
	{Name: "segment.ms", Type: TypeLong, Default: "604800000", Effective: true, check: atLeast(1),
		Synonyms: []Synonym{{Name: "log.roll.ms"}, {"log.roll.hours", hourMs}}},
	{Name: uncleanElection, Type: TypeBoolean, Default: "false", Synonyms: as(uncleanElection), Effective: true},
}

const (
	minInsyncReplicas = "min.insync.replicas"
	remoteStorage     = "remote.storage.enable"
	uncleanElection   = "unclean.leader.election.enable"
)

// Defaults are the values of server.properties: what they make of topic configs, and all as they are written there.
// Immutable; the zero value has none.
type Defaults struct {
	values []ConfigValue     // by topic config name
	raw    map[string]string // by server key, as written there
}

// NewDefaults takes server.properties, checks the topic config defaults in it and keeps every other key of Kafka's
// unchecked. Errors: ErrConfig for a value that no topic could have.
func NewDefaults(properties map[string]string) (*Defaults, error) {
	d := &Defaults{raw: map[string]string{}}
	for name, value := range properties {
		if ServerConfigDefOf(name) != nil {
			d.raw[name] = strings.TrimSpace(value)
		}
	}
	for i := range topicConfigs {
		def := &topicConfigs[i]
		for _, s := range def.Synonyms {
			raw, ok := properties[s.Name]
			if !ok {
				continue
			}
			value, err := s.convert(strings.TrimSpace(raw))
			if err == nil {
				err = def.Check(value)
			}
			if err != nil {
				return nil, fmt.Errorf("%s=%s: %w", s.Name, raw, err)
			}
			if d.raw[s.Name] = strings.TrimSpace(raw); len(d.values) == 0 || d.values[len(d.values)-1].Name != def.Name {
				d.values = append(d.values, ConfigValue{Name: def.Name, Value: value}) // the strongest counts
			}
		}
	}
	return d, nil
}

func (d *Defaults) value(name string) (string, bool) {
	if i, ok := findConfig(d.values, name); ok {
		return d.values[i].Value, true
	}
	return "", false
}
