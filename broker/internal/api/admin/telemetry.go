package admin

import (
	"cmp"
	"container/list"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Bounds of what clients that push metrics can make this broker remember.
const (
	// maxTelemetryClients is Kafka's: the one that has been silent longest makes room.
	maxTelemetryClients = 16384
	// maxTelemetryKept bounds the last pushes that are kept, in bytes as they came, all together.
	maxTelemetryKept = 16 << 20
	// maxTelemetryDecoded bounds what one push may decode to.
	maxTelemetryDecoded = 8 << 20
	// telemetryIdleMs is how long a silent client is remembered at least, three of its intervals otherwise.
	telemetryIdleMs = 60_000
	// DefaultTelemetryMaxBytes is Kafka's default of telemetry.max.bytes.
	DefaultTelemetryMaxBytes = 1 << 20
)

// telemetry is what this broker knows of clients that push their metrics (KIP-714): soft state, bounded, lost with
// the process, as in Kafka. It reads no clock. Safe for concurrent use; it decodes outside its lock.
type telemetry struct {
	mu struct {
		sync.Mutex
		clients map[kafka.UUID]*list.Element // of *telemetryClient, the one heard of last in front
		order   list.List
		kept    int // bytes of last pushes

		image         *metadata.Image
		version       int // rises with every change of the subscriptions
		subscriptions []metadata.MetricsSubscription
		raw           []rawSubscription

		pushes, bytes, refused int64
	}
}

type rawSubscription struct {
	name   string
	values []metadata.ConfigValue
}

// telemetryClient is one client instance.
type telemetryClient struct {
	id          kafka.UUID
	version     int
	metrics     []string
	intervalMs  int64
	subscribed  int32 // id of what it is subscribed to
	get, push   int64 // when it last asked, pushed; ms
	heard       int64
	lastError   int16
	terminating bool
	last        []byte // as it came
	lastCodec   compress.Codec
}

const never = -1 << 40 // before any clock

// TelemetryStats is what the broker has received since it started.
type TelemetryStats struct {
	Clients                  int
	Pushes, Bytes, Throttled int64
	KeptBytes                int
}

// TelemetryStats tells what was received. Safe for concurrent use.
func (h *Handlers) TelemetryStats() TelemetryStats {
	t := &h.telemetry
	t.mu.Lock()
	defer t.mu.Unlock()
	return TelemetryStats{len(t.mu.clients), t.mu.pushes, t.mu.bytes, t.mu.refused, t.mu.kept}
}

// LastPush returns what a client pushed last, as it came (OTLP, compressed with the codec), or nil; it was too large to
// keep, or the client is not known. Read-only.
func (h *Handlers) LastPush(id kafka.UUID) ([]byte, compress.Codec) {
	t := &h.telemetry
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.mu.clients[id]; e != nil {
		c := e.Value.(*telemetryClient)
		return c.last, c.lastCodec
	}
	return nil, 0
}

// refreshLocked looks at the subscriptions if the image is another.
func (t *telemetry) refreshLocked(image *metadata.Image) {
	if image == t.mu.image {
		return
	}
	t.mu.image = image
	var raw []rawSubscription
	image.ConfigResources(metadata.ClientMetricsResource("").Type, func(name string) bool {
		raw = append(raw, rawSubscription{name, image.ConfigsOf(metadata.ClientMetricsResource(name))})
		return true
	})
	if slices.EqualFunc(raw, t.mu.raw, func(a, b rawSubscription) bool { return a.name == b.name && slices.Equal(a.values, b.values) }) {
		return
	}
	t.mu.raw, t.mu.subscriptions = raw, image.MetricsSubscriptions()
	t.mu.version++
}

// clientLocked finds a client or makes it known, subscribed to what the image says now, and counts it as heard of.
func (t *telemetry) clientLocked(image *metadata.Image, id kafka.UUID, r *network.Request) *telemetryClient {
	t.refreshLocked(image)
	now := r.Now.UnixMilli()
	e := t.mu.clients[id]
	if e == nil || e.Value.(*telemetryClient).version != t.mu.version {
		if e != nil {
			t.forgetLocked(e)
		}
		if t.mu.clients == nil {
			t.mu.clients = make(map[kafka.UUID]*list.Element)
		}
		if len(t.mu.clients) >= maxTelemetryClients {
			t.forgetLocked(t.mu.order.Back())
		}
		e = t.mu.order.PushFront(t.subscribeLocked(id, r))
		t.mu.clients[id] = e
	}
	t.mu.order.MoveToFront(e)
	c := e.Value.(*telemetryClient)
	c.heard = now
	for range 2 { // a little with every call, so that nothing is due at once
		if old := t.mu.order.Back(); old != e && now-old.Value.(*telemetryClient).heard > old.Value.(*telemetryClient).idleMs() {
			t.forgetLocked(old)
		}
	}
	return c
}

func (c *telemetryClient) idleMs() int64 { return max(telemetryIdleMs, 3*c.intervalMs) }

func (t *telemetry) forgetLocked(e *list.Element) {
	c := t.mu.order.Remove(e).(*telemetryClient)
	delete(t.mu.clients, c.id)
	t.mu.kept -= len(c.last)
}

// subscribeLocked joins all subscriptions that match the client: the metrics of all, the shortest interval.
func (t *telemetry) subscribeLocked(id kafka.UUID, r *network.Request) *telemetryClient {
	c := &telemetryClient{id: id, version: t.mu.version, intervalMs: metadata.DefaultMetricsIntervalMs, get: never, push: never}
	for i := range t.mu.subscriptions {
		s := &t.mu.subscriptions[i]
		if !matchesClient(s, id, r) {
			continue
		}
		c.metrics = append(c.metrics, s.Metrics...)
		c.intervalMs = min(c.intervalMs, int64(s.IntervalMs))
	}
	slices.Sort(c.metrics)
	c.metrics = slices.Compact(c.metrics)
	if slices.Contains(c.metrics, "*") {
		c.metrics = []string{"*"}
	}
	c.subscribed = subscriptionID(c.metrics, c.intervalMs, id)
	return c
}

// matchesClient: the port of a client is not known here, so a subscription that looks at it matches nobody.
func matchesClient(s *metadata.MetricsSubscription, id kafka.UUID, r *network.Request) bool {
	orUnknown := func(s string) string { return cmp.Or(s, "unknown") }
	for _, m := range s.Match {
		var value string
		switch m.Selector {
		case "client_instance_id":
			value = id.String()
		case "client_id":
			value = string(r.ClientID)
		case "client_software_name":
			value = orUnknown(r.Session.ClientName)
		case "client_software_version":
			value = orUnknown(r.Session.ClientVersion)
		case "client_source_address":
			value = r.Session.RemoteHost
		default:
			return false
		}
		if !m.Pattern.MatchString(value) {
			return false
		}
	}
	return true
}

// subscriptionID tells a set of metrics and an interval apart from what it was before, for one client: CRC-32C of what it is
// told, mixed with its id (KIP-714).
func subscriptionID(metrics []string, intervalMs int64, id kafka.UUID) int32 {
	text := "[" + strings.Join(metrics, ", ") + "]" + strconv.FormatInt(intervalMs, 10)
	mixed := binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])
	return int32(crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)) ^ uint32(mixed>>32) ^ uint32(mixed))
}

// askLocked: a client may ask again after its interval, or at once if its last push was refused for something that it
// learns by asking.
func (t *telemetry) askLocked(c *telemetryClient, nowMs int64) *kerr.Error {
	ignorant := c.lastError == kerr.UnknownSubscriptionID.Code || c.lastError == kerr.UnsupportedCompressionType.Code
	if nowMs-max(c.get, c.push) < c.intervalMs && !ignorant {
		t.mu.refused++
		return kerr.ThrottlingQuotaExceeded
	}
	c.get, c.lastError = nowMs, 0
	return nil
}

// push is one PushTelemetry as far as it concerns the client that sent it.
type push struct {
	subscription int32
	terminating  bool
	codec        int8
	metrics      []byte
	max          int
}

// admitLocked says whether a push is acceptable, in Kafka's order of checks.
func (t *telemetry) admitLocked(c *telemetryClient, p *push, nowMs int64) *kerr.Error {
	if c.terminating {
		return kerr.InvalidRequest // it has said goodbye
	}
	c.terminating = p.terminating
	early := c.get <= c.push && nowMs-c.push < c.intervalMs
	if !early {
		c.push = nowMs
	}
	switch {
	case early && !p.terminating:
		t.mu.refused++
		return kerr.ThrottlingQuotaExceeded
	case p.subscription != c.subscribed:
		return kerr.UnknownSubscriptionID
	case !compress.Codec(p.codec).Known():
		return kerr.UnsupportedCompressionType
	case len(p.metrics) > p.max:
		return kerr.TelemetryTooLarge
	}
	return nil
}

// keepLocked counts a push that was accepted and keeps it in place of the one before, if there is room.
func (t *telemetry) keepLocked(c *telemetryClient, p *push) {
	t.mu.pushes++
	t.mu.bytes += int64(len(p.metrics))
	if e := t.mu.clients[c.id]; e == nil || e.Value.(*telemetryClient) != c {
		return // forgotten meanwhile
	}
	t.mu.kept -= len(c.last)
	if c.last = nil; t.mu.kept+len(p.metrics) > maxTelemetryKept {
		return
	}
	c.last, c.lastCodec = slices.Clone(p.metrics), compress.Codec(p.codec)
	t.mu.kept += len(c.last)
}
