package admin

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// pusher is a client that pushes metrics, with a clock of its own.
type pusher struct {
	r   *rig
	id  [16]byte
	sub int32
	now time.Time
}

func newPusher(t *testing.T) *pusher {
	r := newRig(t)
	r.h.Telemetry, r.h.TelemetryMaxBytes = true, 1000
	r.h.UUID = func() kafka.UUID { r.ids++; return kafka.UUID{0: 0xaa, 15: r.ids} }
	return &pusher{r: r, now: time.UnixMilli(1_700_000_000_000)}
}

func (p *pusher) send(serve func(*network.Request) network.Disposition, req kmsg.Request, resp kmsg.Response) {
	p.r.t.Helper()
	q := &network.Request{
		Header: wire.Header{Key: req.Key(), ClientID: []byte("app-1")}, Payload: req.AppendTo(nil), Now: p.now,
		Session: &network.Session{Listener: "PLAINTEXT", Principal: security.Anonymous, RemoteHost: "127.0.0.1", ClientName: "a-client", ClientVersion: "1.2"},
	}
	if d := serve(q); d != network.Answered {
		p.r.t.Fatalf("ended by %d", d)
	}
	if err := resp.ReadFrom(q.Out); err != nil {
		p.r.t.Fatal(err)
	}
}

func (p *pusher) ask() *kmsg.GetTelemetrySubscriptionsResponse {
	p.r.t.Helper()
	req, resp := kmsg.NewPtrGetTelemetrySubscriptionsRequest(), kmsg.NewPtrGetTelemetrySubscriptionsResponse()
	req.ClientInstanceID = p.id
	p.send(p.r.h.GetTelemetrySubscriptions, req, resp)
	if resp.ErrorCode == 0 {
		p.id, p.sub = resp.ClientInstanceID, resp.SubscriptionID
	}
	return resp
}

func (p *pusher) push(change func(*kmsg.PushTelemetryRequest)) int16 {
	p.r.t.Helper()
	req, resp := kmsg.NewPtrPushTelemetryRequest(), kmsg.NewPtrPushTelemetryResponse()
	req.ClientInstanceID, req.SubscriptionID, req.Metrics = p.id, p.sub, []byte("metrics")
	if change != nil {
		change(req)
	}
	p.send(p.r.h.PushTelemetry, req, resp)
	return resp.ErrorCode
}

func (p *pusher) want(code *kerr.Error, change func(*kmsg.PushTelemetryRequest)) {
	p.r.t.Helper()
	want := int16(0)
	if code != nil {
		want = code.Code
	}
	if got := p.push(change); got != want {
		p.r.t.Errorf("error %d, want %d", got, want)
	}
}

func (p *pusher) pass(d time.Duration) { p.now = p.now.Add(d) }

// TestTelemetrySubscriptions: a client is told the metrics of all subscriptions that match it and the shortest interval.
func TestTelemetrySubscriptions(t *testing.T) {
	p := newPusher(t)
	first := p.ask()
	if first.ErrorCode != 0 || first.ClientInstanceID == [16]byte{} || first.PushIntervalMillis != 300_000 || len(first.RequestedMetrics) != 0 ||
		!slices.Equal(first.AcceptedCompressionTypes, []int8{4, 3, 1, 2}) || first.TelemetryMaxBytes != 1000 || !first.DeltaTemporality {
		t.Errorf("nobody subscribed: %+v", first)
	}
	set := func(name, config string) { p.r.accepts(ofClientMetrics, name, 0, config) }
	set("mine", "metrics=org.b,org.a")
	set("mine", "interval.ms=2000")
	set("mine", "match=client_id=app-.*,client_software_name=a-client,client_source_address=127\\.0\\.0\\.1")
	set("other", "metrics=org.other")
	set("other", "match=client_id=app") // must match as a whole
	set("port", "metrics=org.port")
	set("port", "match=client_source_port=.*")
	second := p.ask() // the subscriptions have changed: no need to wait
	if second.ErrorCode != 0 || second.ClientInstanceID != first.ClientInstanceID || second.PushIntervalMillis != 2000 ||
		!slices.Equal(second.RequestedMetrics, []string{"org.a", "org.b"}) || second.SubscriptionID == first.SubscriptionID {
		t.Errorf("%+v", second)
	}
	// CRC-32C of "[org.a, org.b]2000", mixed with the id as java.util.UUID hashes.
	if want := subscriptionID([]string{"org.a", "org.b"}, 2000, first.ClientInstanceID); second.SubscriptionID != want {
		t.Errorf("subscription id %d, want %d", second.SubscriptionID, want)
	}
	set("all", "metrics=*")
	if third := p.ask(); !slices.Equal(third.RequestedMetrics, []string{"*"}) || third.PushIntervalMillis != 2000 {
		t.Errorf("%+v", third)
	}
}

// TestSubscriptionID: CRC-32C of what is asked for, computed elsewhere.
func TestSubscriptionID(t *testing.T) {
	if got := uint32(subscriptionID([]string{"123456789"}, 0, kafka.UUID{})); got != 0x5c141ea8 {
		t.Errorf("%x", got)
	}
	a := subscriptionID([]string{"x"}, 100, kafka.UUID{})
	if b := subscriptionID([]string{"x"}, 100, kafka.UUID{3: 1}); b != a^1 {
		t.Errorf("the id is mixed in by its words: %x and %x", a, b)
	}
}

// TestTelemetryThrottling: one push in an interval and after each question; goodbye is always heard, and is the last.
func TestTelemetryThrottling(t *testing.T) {
	p := newPusher(t)
	p.r.accepts(ofClientMetrics, "m", 0, "interval.ms=1000")
	p.ask()
	if got := p.ask().ErrorCode; got != kerr.ThrottlingQuotaExceeded.Code {
		t.Errorf("asked again at once: %d", got)
	}
	p.pass(time.Millisecond)
	p.want(nil, nil) // the first after asking
	p.want(kerr.ThrottlingQuotaExceeded, nil)
	p.pass(999 * time.Millisecond)
	p.want(kerr.ThrottlingQuotaExceeded, nil)
	p.pass(time.Millisecond)
	p.want(nil, nil)
	if got := p.ask().ErrorCode; got != kerr.ThrottlingQuotaExceeded.Code {
		t.Errorf("asked at once after a push: %d", got)
	}
	p.want(nil, func(q *kmsg.PushTelemetryRequest) { q.Terminating = true })
	p.pass(time.Hour)
	p.want(kerr.InvalidRequest, nil)
	if s := p.r.h.TelemetryStats(); s.Pushes != 3 || s.Bytes != 21 || s.Throttled != 4 || s.Clients != 1 {
		t.Errorf("%+v", s)
	}
}

func TestTelemetryRefused(t *testing.T) {
	p := newPusher(t)
	p.ask()
	f := func(code *kerr.Error, change func(*kmsg.PushTelemetryRequest)) {
		t.Helper()
		p.pass(time.Hour)
		p.ask()
		p.want(code, change)
	}
	f(kerr.InvalidRequest, func(q *kmsg.PushTelemetryRequest) { q.ClientInstanceID = [16]byte{} })
	f(kerr.InvalidRequest, func(q *kmsg.PushTelemetryRequest) { q.ClientInstanceID = [16]byte{15: 1} })
	f(kerr.UnknownSubscriptionID, func(q *kmsg.PushTelemetryRequest) { q.SubscriptionID++ })
	if got := p.ask().ErrorCode; got != 0 {
		t.Errorf("asked at once after UNKNOWN_SUBSCRIPTION_ID: %d", got)
	}
	f(kerr.UnsupportedCompressionType, func(q *kmsg.PushTelemetryRequest) { q.CompressionType = 5 })
	f(kerr.TelemetryTooLarge, func(q *kmsg.PushTelemetryRequest) { q.Metrics = make([]byte, 1001) })
	f(kerr.InvalidRecord, func(q *kmsg.PushTelemetryRequest) { q.CompressionType = 4 }) // not zstd
	f(nil, func(q *kmsg.PushTelemetryRequest) { q.Metrics = make([]byte, 1000) })
	f(nil, func(q *kmsg.PushTelemetryRequest) { q.Metrics = nil })
}

// TestTelemetryKeepsTheLastPush, as it came, in every codec; what decodes to too much is refused.
func TestTelemetryKeepsTheLastPush(t *testing.T) {
	p := newPusher(t)
	p.r.h.TelemetryMaxBytes = 1 << 20
	var c compress.Compressor
	for codec := compress.None; codec <= compress.Zstd; codec++ {
		p.pass(time.Hour)
		p.ask()
		sent, err := c.Compress(nil, codec, compress.DefaultLevel, bytes.Repeat([]byte("otlp"), 100))
		if err != nil {
			t.Fatal(err)
		}
		with := func(q *kmsg.PushTelemetryRequest) { q.CompressionType, q.Metrics = int8(codec), sent }
		p.want(nil, with)
		if kept, with := p.r.h.LastPush(p.id); !bytes.Equal(kept, sent) || with != codec {
			t.Errorf("%v: %d bytes in %v are kept", codec, len(kept), with)
		}
		if n := p.r.h.TelemetryStats().KeptBytes; n != len(sent) {
			t.Errorf("%v: %d bytes are kept in all, %d were sent", codec, n, len(sent))
		}
		if codec == compress.None {
			continue
		}
		bomb, err := c.Compress(nil, codec, compress.DefaultLevel, make([]byte, maxTelemetryDecoded+1))
		if err != nil {
			t.Fatal(err)
		}
		if len(bomb) <= 1<<20 {
			p.pass(time.Hour)
			p.want(kerr.InvalidRecord, func(q *kmsg.PushTelemetryRequest) { q.CompressionType, q.Metrics = int8(codec), bomb })
		}
	}
}

// TestTelemetryIsBounded: clients that only ever come once do not fill the memory.
func TestTelemetryIsBounded(t *testing.T) {
	p := newPusher(t)
	for i := range maxTelemetryClients + 100 {
		p.id = [16]byte{0: 1, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}
		p.ask()
	}
	if n := p.r.h.TelemetryStats().Clients; n != maxTelemetryClients {
		t.Errorf("%d clients are known", n)
	}
	p.pass(time.Hour)
	for range maxTelemetryClients {
		p.push(nil)
	}
	if n := p.r.h.TelemetryStats().Clients; n != 1 {
		t.Errorf("%d clients are known long after all but one fell silent", n)
	}
}
