package broker

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
)

// property is a key of server.properties that is effective beyond topic defaults.
type property struct {
	names []string // the same thing under several names, the strongest first
	set   func(c *Config, value string) error
}

var properties = []property{
	{[]string{"node.id", "broker.id"}, func(c *Config, v string) error { return integer(&c.NodeID, v, 0) }},
	{[]string{"listeners"}, func(c *Config, v string) (err error) { c.Listeners, err = ParseListeners(v); return }},
	{[]string{"advertised.listeners"}, func(c *Config, v string) (err error) { c.Advertised, err = ParseListeners(v); return }},
	{[]string{"log.dirs", "log.dir"}, func(c *Config, v string) error { c.LogDirs = list(v); return nil }},
	{[]string{"listener.security.protocol.map"}, func(c *Config, v string) error { return c.mapProtocols(v) }},
	{[]string{"security.inter.broker.protocol"}, func(_ *Config, v string) error { return only(v, "PLAINTEXT") }},
	{[]string{"authorizer.class.name"}, func(_ *Config, v string) error { return only(v, "") }},
	{[]string{"process.roles"}, func(_ *Config, v string) error { return only(v, "broker,controller", "controller,broker", "") }},
	{[]string{"controller.quorum.voters"}, func(_ *Config, v string) error { return atMostOne(v) }},
	{[]string{"controller.quorum.bootstrap.servers"}, func(_ *Config, v string) error { return atMostOne(v) }},
	{[]string{"controller.listener.names"}, func(c *Config, v string) error { c.dropListeners(list(v)); return nil }},
	{[]string{"num.partitions"}, func(c *Config, v string) error { return integer(&c.NumPartitions, v, 1) }},
	{[]string{"default.replication.factor"}, func(c *Config, v string) error { return integer(&c.ReplicationFactor, v, 1) }},
	{[]string{"auto.create.topics.enable"}, func(c *Config, v string) error { return negated(&c.NoAutoCreate, v) }},
	{[]string{"socket.request.max.bytes"}, func(c *Config, v string) error { return integer(&c.MaxRequestBytes, v, 1) }},
	{[]string{"socket.send.buffer.bytes"}, func(c *Config, v string) error { return integer(&c.SendBufferBytes, v, -1) }},
	{[]string{"fetch.max.bytes"}, func(c *Config, v string) error { return integer(&c.FetchMaxBytes, v, 1024) }},
	{[]string{"delete.topic.enable"}, func(c *Config, v string) error { return negated(&c.NoTopicDeletion, v) }},
	{[]string{"max.incremental.fetch.session.cache.slots"}, func(c *Config, v string) error {
		err := integer(&c.FetchSessions, v, 0)
		if c.FetchSessions == 0 {
			c.FetchSessions = -1 // none, not the default
		}
		return err
	}},
	{[]string{"client.telemetry.enable"}, func(c *Config, v string) error { return boolean(&c.ClientTelemetry, v) }},
	{[]string{"telemetry.max.bytes"}, func(c *Config, v string) error { return integer(&c.TelemetryMaxBytes, v, 1) }},
	{[]string{"quota.window.num"}, func(c *Config, v string) error { return integer(&c.QuotaWindow.Num, v, 1) }},
	{[]string{"quota.window.size.seconds"}, func(c *Config, v string) error { return integer(&c.QuotaWindow.Seconds, v, 1) }},
	{[]string{"controller.quota.window.num"}, func(c *Config, v string) error { return integer(&c.ControllerQuotaWindow.Num, v, 1) }},
	{[]string{"controller.quota.window.size.seconds"}, func(c *Config, v string) error { return integer(&c.ControllerQuotaWindow.Seconds, v, 1) }},
	{[]string{"max.partitions"}, func(c *Config, v string) error { return integer(&c.MaxPartitions, v, 1) }},
	{[]string{"max.connections"}, func(c *Config, v string) error { return integer(&c.MaxConnections, v, 0) }},
	{[]string{"max.connections.per.ip"}, func(c *Config, v string) error { return integer(&c.MaxConnectionsPerIP, v, 0) }},
	{[]string{"max.connections.per.ip.overrides"}, func(c *Config, v string) (err error) { c.PerIPOverrides, err = overrides(v); return }},
	{[]string{"max.connection.creation.rate"}, func(c *Config, v string) error {
		var n int64
		err := integer(&n, v, 1)
		c.MaxConnectionRate = int(min(n, math.MaxInt32))
		if c.MaxConnectionRate == math.MaxInt32 { // Kafka's way to say none
			c.MaxConnectionRate = 0
		}
		return err
	}},
	{[]string{"log.retention.check.interval.ms"}, func(c *Config, v string) error {
		err := millis(&c.RetentionCheck, v)
		if err == nil && c.RetentionCheck < time.Millisecond {
			err = badConfig("must be at least 1")
		}
		return err
	}},
	{[]string{"log.cleaner.enable"}, func(c *Config, v string) error { return negated(&c.Cleaner.Disabled, v) }},
	{[]string{"log.cleaner.threads"}, func(c *Config, v string) error {
		err := integer(&c.Cleaner.Threads, v, 0)
		if c.Cleaner.Threads == 0 {
			c.Cleaner.Threads = -1 // none, not the default
		}
		return err
	}},
	{[]string{"log.cleaner.dedupe.buffer.size"}, func(c *Config, v string) error { return integer(&c.Cleaner.DedupeBufferBytes, v, 1) }},
	{[]string{"log.cleaner.io.buffer.size"}, func(c *Config, v string) error { return integer(&c.Cleaner.BufferBytes, v, 1) }},
	{[]string{"log.cleaner.io.buffer.load.factor"}, func(c *Config, v string) error { return fraction(&c.Cleaner.LoadFactor, v) }},
	{[]string{"log.cleaner.io.max.bytes.per.second"}, func(c *Config, v string) error { return positive(&c.Cleaner.MaxBytesPerSecond, v) }},
	{[]string{"log.cleaner.backoff.ms"}, func(c *Config, v string) error {
		err := millis(&c.Cleaner.Backoff, v)
		if err == nil && c.Cleaner.Backoff < 0 {
			err = badConfig("must be at least 0")
		}
		if c.Cleaner.Backoff == 0 {
			c.Cleaner.Backoff = -1 // not at all, not the default
		}
		return err
	}},
	{[]string{"log.initial.task.delay.ms"}, func(c *Config, v string) error {
		err := millis(&c.InitialTaskDelay, v)
		if err == nil && c.InitialTaskDelay < 0 {
			err = badConfig("must be at least 0")
		}
		if c.InitialTaskDelay == 0 {
			c.InitialTaskDelay = -1 // none, not the default
		}
		return err
	}},
	{[]string{"commit.log.bytes"}, func(c *Config, v string) error {
		err := integer(&c.CommitLogBytes, v, -1)
		if err == nil && c.CommitLogBytes == 0 {
			err = badConfig("must be at least 1, or -1 for none")
		}
		return err
	}},
	{[]string{"connections.max.idle.ms"}, func(c *Config, v string) error { return millis(&c.ConnectionsMaxIdle, v) }},
	{[]string{"metrics.listener"}, func(c *Config, v string) error { c.MetricsListener = v; return nil }},
	{[]string{"metrics.profiling"}, func(c *Config, v string) error { return boolean(&c.Profiling, v) }},
	{[]string{"queued.max.request.bytes"}, func(c *Config, v string) error { return integer(&c.RequestMemoryBytes, v, -1) }},
}

// groupKeys are the keys that the coordinator of groups acts on; it takes them from Config.Properties.
var groupKeys = []string{
	"group.consumer.assignment.interval.ms", "group.consumer.assignors", "group.consumer.heartbeat.interval.ms",
	"group.consumer.max.assignment.interval.ms", "group.consumer.max.heartbeat.interval.ms", "group.consumer.max.session.timeout.ms",
	"group.consumer.max.size", "group.consumer.migration.policy", "group.consumer.min.assignment.interval.ms",
	"group.consumer.min.heartbeat.interval.ms", "group.consumer.min.session.timeout.ms",
	"group.consumer.regex.refresh.interval.ms", "group.consumer.session.timeout.ms",
	"group.coordinator.rebalance.protocols", "group.coordinator.threads",
	"group.initial.rebalance.delay.ms", "group.max.session.timeout.ms", "group.max.size", "group.min.session.timeout.ms",
	"offset.metadata.max.bytes", "offsets.commit.timeout.ms", "offsets.load.buffer.size", "offsets.retention.check.interval.ms", "offsets.retention.minutes",
	"offsets.topic.compression.codec", "offsets.topic.num.partitions", "offsets.topic.replication.factor", "offsets.topic.segment.bytes",
}

// FromProperties reads a configuration under Kafka's names, as in server.properties. ignored are
// the keys that have no effect in this version, sorted, so that none is passed over in silence.
// Errors are ErrConfig and name the key.
func FromProperties(props map[string]string) (c Config, ignored []string, err error) {
	c = Config{NodeID: 1, TopicDefaults: map[string]string{}, Properties: maps.Clone(props)}
	known := map[string]bool{}
	for _, p := range properties {
		taken := false
		for _, name := range p.names {
			known[name] = true
			value, ok := props[name]
			if !ok || taken {
				continue
			}
			taken = true
			if err := p.set(&c, strings.TrimSpace(value)); err != nil {
				return c, nil, badConfig("%s=%s: %s", name, value, strings.TrimPrefix(err.Error(), ErrConfig.Error()+": "))
			}
		}
	}
	for key := range topicKeys() {
		known[key] = true
		if value, ok := props[key]; ok {
			c.TopicDefaults[key] = value
		}
	}
	if _, err := metadata.NewDefaults(c.TopicDefaults); err != nil {
		return c, nil, badConfig("%v", err)
	}
	for _, key := range slices.Sorted(maps.Keys(props)) {
		if slices.Contains(groupKeys, key) {
			if err := metadata.ServerConfigDefOf(key).Check(props[key]); err != nil {
				return c, nil, badConfig("%v", err)
			}
			continue
		}
		if !known[key] && !metadata.GroupServerKey(key) { // those are what groups get, see Config.Properties
			ignored = append(ignored, key)
		}
	}
	return c, ignored, nil
}

// mapProtocols gives listeners that are not named after a protocol theirs. It comes after listeners in the table.
func (c *Config) mapProtocols(v string) error {
	of := map[string]string{}
	for _, pair := range list(v) {
		name, protocol, ok := strings.Cut(pair, ":")
		if !ok || !slices.Contains(protocols, strings.ToUpper(protocol)) {
			return badConfig("%q is not NAME:PROTOCOL with a protocol of %s", pair, strings.Join(protocols, ", "))
		}
		of[strings.ToUpper(name)] = strings.ToUpper(protocol)
	}
	for i := range c.Listeners {
		c.Listeners[i].Protocol = of[c.Listeners[i].Name]
	}
	return nil
}

// dropListeners takes away the listeners of the controller: the quorum of one node needs none, and clients are not to
// come in there.
func (c *Config) dropListeners(names []string) {
	drop := func(l Listener) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, l.Name) })
	}
	c.Listeners = slices.DeleteFunc(c.Listeners, drop)
	c.Advertised = slices.DeleteFunc(c.Advertised, drop)
}

// only refuses values that would have to be enforced, or that need other nodes.
func only(v string, served ...string) error {
	if slices.Contains(served, strings.ReplaceAll(v, " ", "")) {
		return nil
	}
	return badConfig("this version does not serve it")
}

func atMostOne(v string) error {
	if len(list(v)) > 1 {
		return badConfig("this version serves one node")
	}
	return nil
}

// topicKeys are the server's names of topic configs that this version acts on.
func topicKeys() map[string]bool {
	keys := map[string]bool{}
	for def := range metadata.TopicConfigs {
		for _, s := range def.Synonyms {
			if def.Effective {
				keys[s.Name] = true
			}
		}
	}
	return keys
}

func list(v string) (out []string) {
	for _, s := range strings.Split(v, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// overrides reads address:number,….
func overrides(v string) (map[string]int, error) {
	out := map[string]int{}
	for _, s := range list(v) {
		i := strings.LastIndexByte(s, ':')
		a, err := netip.ParseAddr(strings.Trim(s[:max(i, 0)], "[]"))
		n, nerr := strconv.ParseInt(s[i+1:], 10, 32)
		if i < 0 || err != nil || nerr != nil || n < 0 {
			return nil, badConfig("%q is not ADDRESS:NUMBER (host names are not looked up)", s)
		}
		out[a.Unmap().String()] = int(n)
	}
	return out, nil
}

func integer[T int | int16 | int32 | int64](to *T, v string, least int64) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || int64(T(n)) != n {
		return badConfig("not a number that fits")
	}
	if n < least {
		return badConfig("must be at least %d", least)
	}
	*to = T(n)
	return nil
}

func negated(to *bool, v string) error {
	switch strings.ToLower(v) {
	case "true":
		*to = false
	case "false":
		*to = true
	default:
		return badConfig("must be true or false")
	}
	return nil
}

func boolean(to *bool, v string) error {
	var not bool
	err := negated(&not, v)
	*to = err == nil && !not
	return err
}

func millis(to *time.Duration, v string) error {
	var n int64
	if err := integer(&n, v, -1); err != nil {
		return err
	}
	*to = time.Duration(min(n, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
	return nil
}

// fraction reads a number above 0 and at most 1.
func fraction(to *float64, v string) error {
	if err := positive(to, v); err != nil {
		return err
	}
	if *to > 1 {
		return badConfig("must be at most 1")
	}
	return nil
}

// positive reads a number above 0.
func positive(to *float64, v string) error {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(n) {
		return badConfig("%q is not a number", v)
	}
	if n <= 0 {
		return badConfig("must be more than 0")
	}
	*to = min(n, math.MaxFloat64)
	return nil
}
