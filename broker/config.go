package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Defaults that differ from Kafka's, or that Kafka does not have.
const (
	// DefaultLogDir is where data lies without configuration, relative to the working directory.
	DefaultLogDir = "thalweg-data"
	// DefaultListener is loopback: a broker is not open to the network unless told so.
	DefaultListener = "PLAINTEXT://localhost:9092"
)

// Config is what a broker is started with. The zero value of a field means the default.
type Config struct {
	// NodeID is the broker's id in the cluster (node.id), 0 or more. Default: 1.
	NodeID int32
	// ClusterID is the cluster to belong to. Default: that of the data directory; a new one is made
	// for an empty directory.
	ClusterID string
	// Listeners are where clients come in. Default: DefaultListener.
	Listeners []Listener
	// Advertised are the addresses that clients are told, by listener name. Default: the listener's own.
	Advertised []Listener
	// LogDirs are the data directories (log.dirs). The first one also holds the metadata log.
	// Default: DefaultLogDir. A directory is formatted only if it is empty.
	LogDirs []string

	// NumPartitions is num.partitions, for topics that do not say. Default: 1.
	NumPartitions int32
	// ReplicationFactor is default.replication.factor. Default: 1.
	ReplicationFactor int16
	// NoAutoCreate is the negation of auto.create.topics.enable.
	NoAutoCreate bool
	// NoTopicDeletion is the negation of delete.topic.enable.
	NoTopicDeletion bool
	// TopicDefaults are server.properties keys that set topic configs for all topics (log.retention.ms,
	// message.max.bytes, flush.policy, …), under the server's names.
	TopicDefaults map[string]string
	// ClientTelemetry is client.telemetry.enable: clients are told which metrics to push and may push them (KIP-714).
	// What they push is counted, and the last of each is kept in memory. Kafka has no such key, there it needs a plugin.
	ClientTelemetry bool
	// TelemetryMaxBytes is telemetry.max.bytes. Default: 1 MiB.
	TelemetryMaxBytes int
	// Properties are the keys of server.properties as they were given, for DescribeConfigs to tell of those that have no
	// field here. They have no effect but this one, and that keys of groups (group.consumer.…) are what groups without
	// configs of their own get.
	Properties map[string]string

	// MaxRequestBytes is socket.request.max.bytes. Default: 100 MiB.
	MaxRequestBytes int
	// SendBufferBytes is socket.send.buffer.bytes, of each accepted connection. Default: 100 KiB. -1: what the system gives.
	SendBufferBytes int
	// FetchMaxBytes is fetch.max.bytes of the broker. Default: 55 MiB.
	FetchMaxBytes int32
	// FetchSessions is max.incremental.fetch.session.cache.slots. Default: 1000. Negative: none.
	FetchSessions int
	// MaxConnections is max.connections. Default: no limit.
	MaxConnections int
	// MaxConnectionsPerIP is max.connections.per.ip. Default: no limit.
	MaxConnectionsPerIP int
	// PerIPOverrides are addresses with a bound of their own in place of MaxConnectionsPerIP
	// (max.connections.per.ip.overrides), in the form of netip.Addr.String.
	PerIPOverrides map[string]int
	// MaxConnectionRate is how many connections are accepted per second (max.connection.creation.rate), averaged over
	// QuotaWindow. Default: no limit.
	MaxConnectionRate int
	// CommitLogBytes is commit.log.bytes, the most that the commit log of a data directory takes. Default: 256 MiB. Negative:
	// there is none, and each partition's segment is synced by itself. Kafka has no such key.
	CommitLogBytes int64
	// ConnectionsMaxIdle is connections.max.idle.ms. Default: 10 minutes. Negative: never.
	ConnectionsMaxIdle time.Duration
	// QuotaWindow is quota.window.num and quota.window.size.seconds: over what time the use of clients with quotas is
	// averaged. ControllerQuotaWindow is the same for controller mutations. Default: 11 samples of 1 s.
	QuotaWindow, ControllerQuotaWindow QuotaWindow
	// MaxPartitions bounds the partitions of all topics together (max.partitions, a key that Kafka does not have).
	// Default: 100,000. Negative: no limit.
	MaxPartitions int
	// RetentionCheck is how often it is looked whether segments are to be rolled or deleted by their age, or deleted by the size
	// of their log (log.retention.check.interval.ms). Default: 5 minutes.
	RetentionCheck time.Duration
	// InitialTaskDelay is how long after the start that is done first (log.initial.task.delay.ms). Default: 30 s. Negative: none.
	InitialTaskDelay time.Duration
	// Cleaner is how compacted topics are cleaned (log.cleaner.*).
	Cleaner CleanerConfig
	// RequestMemoryBytes bounds the memory of requests being read and decoded
	// (queued.max.request.bytes). Default: 256 MiB.
	RequestMemoryBytes int64

	// MetricsListener is host:port of the HTTP listener for metrics and probes (metrics.listener), which has neither
	// encryption nor authentication. An empty host is loopback. Default: none.
	MetricsListener string
	// Profiling is metrics.profiling: the metrics listener, which must be on loopback then, also serves Go's profiles of the
	// process at /debug/pprof/. Kafka has no such key.
	Profiling bool

	// Logger gets what an operator should know. Default: nothing is logged.
	Logger *slog.Logger
	// FS is the file system. Default: the operating system's.
	FS vfs.FS
	// Listen opens a listener's socket. Default: net.Listen. A seam for tests.
	Listen func(network, address string) (net.Listener, error)
}

// QuotaWindow is a number of samples and the length of each. Zero fields mean the default.
type QuotaWindow struct {
	Num     int
	Seconds int
}

func (w QuotaWindow) window() quota.Window {
	return quota.Window{Num: w.Num, Size: time.Duration(w.Seconds) * time.Second}
}

// defaultMaxPartitions is what a broker of a few gigabytes can carry.
const defaultMaxPartitions = 100_000

// defaultFetchSessions is Kafka's default of max.incremental.fetch.session.cache.slots.
const defaultFetchSessions = 1000

// Kafka's defaults.
const (
	defaultRetentionCheck   = 5 * time.Minute
	defaultInitialTaskDelay = 30 * time.Second
)

// ErrConfig is what every error about a configuration is (errors.Is).
var ErrConfig = errors.New("invalid configuration")

func badConfig(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
}

// withDefaults fills in the zero fields and checks the rest.
func (c Config) withDefaults() (Config, error) {
	if c.NodeID < 0 {
		return c, badConfig("node.id is %d, it must be 0 or more", c.NodeID)
	}
	if len(c.Listeners) == 0 {
		l, err := ParseListener(DefaultListener)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		c.Listeners = []Listener{l}
	}
	if len(c.LogDirs) == 0 {
		c.LogDirs = []string{DefaultLogDir}
	}
	c.NumPartitions = max(c.NumPartitions, 1)
	c.ReplicationFactor = max(c.ReplicationFactor, 1)
	c.MaxRequestBytes = orDefault(c.MaxRequestBytes, 100<<20)
	c.SendBufferBytes = orDefault(c.SendBufferBytes, 100<<10)
	c.FetchMaxBytes = orDefault(c.FetchMaxBytes, 55<<20)
	c.TelemetryMaxBytes = orDefault(c.TelemetryMaxBytes, admin.DefaultTelemetryMaxBytes)
	c.MaxPartitions = orDefault(c.MaxPartitions, defaultMaxPartitions)
	for _, w := range []*QuotaWindow{&c.QuotaWindow, &c.ControllerQuotaWindow} {
		w.Num, w.Seconds = orDefault(w.Num, quota.DefaultWindow.Num), orDefault(w.Seconds, int(quota.DefaultWindow.Size/time.Second))
	}
	c.Cleaner = c.Cleaner.withDefaults()
	c.RetentionCheck = time.Duration(orDefault(int64(c.RetentionCheck), int64(defaultRetentionCheck)))
	c.InitialTaskDelay = time.Duration(orDefault(int64(c.InitialTaskDelay), int64(defaultInitialTaskDelay)))
	c.FetchSessions = max(orDefault(c.FetchSessions, defaultFetchSessions), 0)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.FS == nil {
		c.FS = vfs.OS()
	}
	if c.Listen == nil {
		c.Listen = net.Listen
	}
	if strings.HasPrefix(c.MetricsListener, ":") {
		c.MetricsListener = "127.0.0.1" + c.MetricsListener
	}
	return c, c.check()
}

func (c *Config) check() error {
	names := map[string]bool{}
	for _, l := range c.Listeners {
		if names[l.Name] {
			return badConfig("listeners names %s twice", l.Name)
		}
		names[l.Name] = true
		if p := l.protocol(); p != "PLAINTEXT" { // ARCHITECTURE decision 12: never pretend
			return badConfig("listener %s demands %s, which this version does not serve", l, p)
		}
	}
	for _, a := range c.Advertised {
		if !names[a.Name] {
			return badConfig("advertised.listeners names %s, which is not among the listeners", a.Name)
		}
	}
	for i, d := range c.LogDirs {
		if d == "" || slices.Contains(c.LogDirs[:i], d) {
			return badConfig("log.dirs holds an empty path or %q twice", d)
		}
	}
	if c.MetricsListener != "" {
		if _, _, err := net.SplitHostPort(c.MetricsListener); err != nil {
			return badConfig("metrics.listener %q is not host:port", c.MetricsListener)
		}
	}
	if c.Profiling && !onLoopback(c.MetricsListener) {
		return badConfig("metrics.profiling needs a metrics.listener on loopback: whoever reaches it can read the process's memory and slow it down")
	}
	if c.ClusterID != "" {
		if _, err := kafka.ParseUUID(c.ClusterID); err != nil {
			return badConfig("cluster id %q is not 22 characters of base64", c.ClusterID)
		}
	}
	return nil
}

// onLoopback reports whether host:port is an address that only this machine reaches.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

func orDefault[T int | int32 | int64](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
