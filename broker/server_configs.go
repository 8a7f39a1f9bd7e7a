package broker

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// serverConfigs is what DescribeConfigs tells of this broker beside the defaults of topic configs: the keys that
// are effective, with the values in use.
func (b *Broker) serverConfigs() []admin.ServerConfig {
	c := &b.cfg
	number := func(name string, value, def int64) admin.ServerConfig {
		v, d := strconv.FormatInt(value, 10), strconv.FormatInt(def, 10)
		return admin.ServerConfig{Name: name, Value: &v, Default: &d, Type: kmsg.ConfigTypeInt}
	}
	boolean := func(name string, value, def bool) admin.ServerConfig {
		v, d := strconv.FormatBool(value), strconv.FormatBool(def)
		return admin.ServerConfig{Name: name, Value: &v, Default: &d, Type: kmsg.ConfigTypeBoolean}
	}
	double := func(name string, value, def float64) admin.ServerConfig {
		v, d := javaDouble(value), javaDouble(def)
		return admin.ServerConfig{Name: name, Value: &v, Default: &d, Type: kmsg.ConfigTypeDouble}
	}
	given := func(name string, kind kmsg.ConfigType, value string) admin.ServerConfig {
		s := admin.ServerConfig{Name: name, Type: kind}
		if value != "" {
			s.Value = &value
		}
		return s
	}
	limit := func(n int) int64 { // 0 is none, which Kafka writes as the largest number
		if n == 0 {
			return 1<<31 - 1
		}
		return int64(n)
	}
	node := strconv.Itoa(int(c.NodeID))
	idle := number("connections.max.idle.ms", orDefault(c.ConnectionsMaxIdle.Milliseconds(), 600_000), 600_000)
	memory := number("queued.max.request.bytes", orDefault(c.RequestMemoryBytes, 256<<20), 256<<20)
	retention := number("log.retention.check.interval.ms", c.RetentionCheck.Milliseconds(), defaultRetentionCheck.Milliseconds())
	dedupe := number("log.cleaner.dedupe.buffer.size", c.Cleaner.DedupeBufferBytes, defaultDedupeBuffer)
	backoff := number("log.cleaner.backoff.ms", c.Cleaner.Backoff.Milliseconds(), defaultCleanerBackoff.Milliseconds())
	for _, s := range []*admin.ServerConfig{&idle, &memory, &retention, &dedupe, &backoff} {
		s.Type = kmsg.ConfigTypeLong
	}
	id, unset := given("broker.id", kmsg.ConfigTypeInt, node), "-1"
	id.Default = &unset
	own, none := c.overrides(), ""
	overrides := admin.ServerConfig{Name: "max.connections.per.ip.overrides", Value: &own, Default: &none, Type: kmsg.ConfigTypeString}
	return []admin.ServerConfig{
		given("advertised.listeners", kmsg.ConfigTypeList, listeners(c.Advertised)),
		boolean("auto.create.topics.enable", !c.NoAutoCreate, true),
		id,
		idle,
		number("default.replication.factor", int64(c.ReplicationFactor), 1),
		boolean("client.telemetry.enable", c.ClientTelemetry, false),
		number("telemetry.max.bytes", int64(c.TelemetryMaxBytes), admin.DefaultTelemetryMaxBytes),
		boolean("delete.topic.enable", !c.NoTopicDeletion, true),
		number("fetch.max.bytes", int64(c.FetchMaxBytes), 55<<20),
		given("listeners", kmsg.ConfigTypeList, listeners(c.Listeners)),
		retention,
		boolean("log.cleaner.enable", !c.Cleaner.Disabled, true),
		number("log.cleaner.threads", int64(c.Cleaner.Threads), 1),
		dedupe,
		number("log.cleaner.io.buffer.size", c.Cleaner.BufferBytes, defaultCleanerBuffer),
		double("log.cleaner.io.buffer.load.factor", c.Cleaner.LoadFactor, defaultLoadFactor),
		double("log.cleaner.io.max.bytes.per.second", c.Cleaner.MaxBytesPerSecond, math.MaxFloat64),
		backoff,
		given("log.dirs", kmsg.ConfigTypeList, strings.Join(c.LogDirs, ",")),
		number("max.connections", limit(c.MaxConnections), 1<<31-1),
		number("max.connection.creation.rate", limit(c.MaxConnectionRate), 1<<31-1),
		overrides,
		number("max.connections.per.ip", limit(c.MaxConnectionsPerIP), 1<<31-1),
		number("max.partitions", int64(c.MaxPartitions), defaultMaxPartitions),
		number("max.incremental.fetch.session.cache.slots", int64(c.FetchSessions), defaultFetchSessions),
		given("node.id", kmsg.ConfigTypeInt, node),
		given("metrics.listener", kmsg.ConfigTypeString, c.MetricsListener),
		boolean("metrics.profiling", c.Profiling, false),
		number("controller.quota.window.num", int64(c.ControllerQuotaWindow.Num), 11),
		number("controller.quota.window.size.seconds", int64(c.ControllerQuotaWindow.Seconds), 1),
		number("quota.window.num", int64(c.QuotaWindow.Num), 11),
		number("quota.window.size.seconds", int64(c.QuotaWindow.Seconds), 1),
		number("num.partitions", int64(c.NumPartitions), 1),
		memory,
		number("socket.request.max.bytes", int64(c.MaxRequestBytes), 100<<20),
		number("socket.send.buffer.bytes", int64(c.SendBufferBytes), 100<<10),
	}
}

// javaDouble is a number as Java prints it, where that matters here: the largest one.
func javaDouble(v float64) string {
	if v == math.MaxFloat64 {
		return "1.7976931348623157E308"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// overrides is PerIPOverrides as the key has it.
func (c *Config) overrides() string {
	var out []string
	for _, ip := range slices.Sorted(maps.Keys(c.PerIPOverrides)) {
		out = append(out, ip+":"+strconv.Itoa(c.PerIPOverrides[ip]))
	}
	return strings.Join(out, ",")
}

func listeners(ls []Listener) string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = l.String()
	}
	return strings.Join(out, ",")
}
