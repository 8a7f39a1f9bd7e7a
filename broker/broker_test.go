package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker"
	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func newClient(t testing.TB, b *brokertest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation(), kgo.MetadataMinAge(10 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// produce sends n records with acks=all and returns them with the offsets that were acknowledged.
func produce(t testing.TB, c *kgo.Client, topic string, n int) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{
			Topic: topic, Key: fmt.Appendf(nil, "key %d", i), Value: fmt.Appendf(nil, "value %d", i),
			Headers: []kgo.RecordHeader{{Key: "n", Value: []byte{byte(i)}}},
		}
	}
	if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return records
}

// mustHave consumes a topic from its start and compares it with what was acknowledged, offset by
// offset and byte by byte.
func mustHave(t testing.TB, b *brokertest.Broker, topic string, want []*kgo.Record) {
	t.Helper()
	c := newClient(t, b, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []*kgo.Record
	for len(got) < len(want) {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), len(want), err)
		}
		got = append(got, fetches.Records()...)
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Offset != w.Offset || string(g.Key) != string(w.Key) || string(g.Value) != string(w.Value) ||
			!slices.EqualFunc(g.Headers, w.Headers, func(a, b kgo.RecordHeader) bool {
				return a.Key == b.Key && string(a.Value) == string(b.Value)
			}) {
			t.Fatalf("record %d: got %+v, want %+v", i, g, w)
		}
	}
}

func TestProduceAndConsume(t *testing.T) {
	b := brokertest.Start(t)
	want := produce(t, newClient(t, b), "orders", 1000)
	mustHave(t, b, "orders", want)
}

func TestInProcess(t *testing.T) {
	b := brokertest.Start(t)
	c := newClient(t, b, kgo.Dialer(b.Dial))
	mustHave(t, b, "orders", produce(t, c, "orders", 10))
}

func leaderEpoch(t testing.TB, b *brokertest.Broker, topic string) int32 {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = &topic
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), newClient(t, b))
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("metadata: %v, %+v", err, resp)
	}
	return resp.Topics[0].Partitions[0].LeaderEpoch
}

func TestRestartKeepsRecordsAndRaisesTheLeaderEpoch(t *testing.T) {
	for _, fs := range []string{"memory", "disk"} {
		t.Run(fs, func(t *testing.T) {
			var opts []brokertest.Option
			if fs == "disk" {
				opts = append(opts, brokertest.WithDir(t.TempDir()))
			}
			b := brokertest.Start(t, opts...)
			id := b.ClusterID()
			var want []*kgo.Record
			epoch := int32(-1)
			for range 3 {
				want = append(want, produce(t, newClient(t, b), "orders", 100)...)
				e := leaderEpoch(t, b, "orders")
				if e <= epoch {
					t.Fatalf("leader epoch %d after %d: it must rise with each start (durability 6)", e, epoch)
				}
				epoch = e
				b = b.Restart()
				if b.ClusterID() != id {
					t.Fatal("another cluster after a restart")
				}
			}
			mustHave(t, b, "orders", want)
		})
	}
}

// TestPowerCutKeepsWhatWasAcknowledged cuts the power after acknowledgements (flush.policy=group): everything
// acknowledged must be there, and the broker must go on from it.
func TestPowerCutKeepsWhatWasAcknowledged(t *testing.T) {
	b := brokertest.Start(t, brokertest.WithProperty("log.segment.bytes", "1048576"))
	var want []*kgo.Record
	for range 5 {
		want = append(want, produce(t, newClient(t, b), "orders", 200)...)
		b = b.Crash()
		mustHave(t, b, "orders", want)
	}
}

func TestSecondBrokerIsRefused(t *testing.T) {
	dir := t.TempDir()
	b := brokertest.Start(t, brokertest.WithDir(dir))
	try := func(listener, dir string) error {
		cfg, _, err := broker.FromProperties(map[string]string{"listeners": listener, "log.dirs": dir})
		if err != nil {
			t.Fatal(err)
		}
		second, err := broker.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return second.Start(t.Context())
	}
	if err := try("PLAINTEXT://127.0.0.1:0", dir); !errors.Is(err, vfs.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("same directory: %v", err)
	}
	err := try(b.Listeners()[0].String(), t.TempDir())
	if !errors.Is(err, broker.ErrPortInUse) || !strings.Contains(err.Error(), "listeners") {
		t.Errorf("same port: %v", err)
	}
	mustHave(t, b, "orders", produce(t, newClient(t, b), "orders", 1)) // the first is unharmed
}

// TestShutdownUnderLoad stops a broker cleanly while records stream in. What was acknowledged
// before, during and after must be there once, at its offset.
func TestShutdownUnderLoad(t *testing.T) {
	b := brokertest.Start(t, brokertest.WithProperty("listeners", freeListener(t)))
	produce(t, newClient(t, b), "orders", 1)
	c := newClient(t, b, kgo.ProducerLinger(0))
	const total = 2000
	acked := make(chan *kgo.Record, total)
	failed := make(chan error, total)
	go func() {
		for i := range total {
			c.Produce(t.Context(), &kgo.Record{Topic: "orders", Value: fmt.Appendf(nil, "%d", i)}, func(r *kgo.Record, err error) {
				acked <- r
				failed <- err
			})
		}
	}()
	<-acked // it streams
	b = b.Restart()
	want := map[int64]string{}
	for i := range total {
		if err := <-failed; err != nil {
			t.Fatalf("record %d: %v: a client must ride over a restart", i, err)
		}
		if i > 0 {
			r := <-acked
			want[r.Offset] = string(r.Value)
		}
	}
	check := newClient(t, b, kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for len(want) > 0 {
		for _, r := range check.PollFetches(t.Context()).Records() {
			if w, ok := want[r.Offset]; ok && w != string(r.Value) {
				t.Fatalf("offset %d holds %q, acknowledged was %q", r.Offset, r.Value, w)
			}
			delete(want, r.Offset)
		}
	}
}

// freeListener is a listener on a port that was free a moment ago, so that a restarted broker is
// found where it was.
func freeListener(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return "PLAINTEXT://" + ln.Addr().String()
}

func TestFromProperties(t *testing.T) {
	cfg, ignored, err := broker.FromProperties(map[string]string{
		"broker.id": "7", "listeners": "PLAINTEXT://:9092,OTHER://[::1]:0", "log.dir": "/a, /b", "num.partitions": "3",
		"auto.create.topics.enable": "false", "log.segment.bytes": "1048576", "zookeeper.connect": "x", "num.io.threads": "8",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.NodeID != 7 || len(cfg.Listeners) != 2 || cfg.Listeners[1].Host != "::1" || !slices.Equal(cfg.LogDirs, []string{"/a", "/b"}) ||
		cfg.NumPartitions != 3 || !cfg.NoAutoCreate || cfg.TopicDefaults["log.segment.bytes"] != "1048576" {
		t.Errorf("%+v", cfg)
	}
	if !slices.Equal(ignored, []string{"num.io.threads", "zookeeper.connect"}) {
		t.Errorf("ignored: %v", ignored)
	}
	for key, value := range map[string]string{
		"node.id": "x", "broker.id": "-1", "listeners": "localhost:9092", "num.partitions": "0", "log.segment.bytes": "1",
		"auto.create.topics.enable": "yes", "flush.policy": "sometimes", "connections.max.idle.ms": "1.5",
		"max.connections.per.ip.overrides": "localhost:3", "max.connection.creation.rate": "0", "quota.window.num": "0", "max.partitions": "0",
	} {
		if _, _, err := broker.FromProperties(map[string]string{key: value}); !errors.Is(err, broker.ErrConfig) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
}

// TestConnectionProperties reads what bounds connections, and tells it again in the form of the key.
func TestConnectionProperties(t *testing.T) {
	b := brokertest.Start(t,
		brokertest.WithProperty("max.connections.per.ip.overrides", "127.0.0.1:3, [::1]:7,fe80::1:2"),
		brokertest.WithProperty("max.connections.per.ip", "1"), brokertest.WithProperty("max.connection.creation.rate", "1000"))
	clients := []*rawClient{dialRaw(t, b.Addr()), dialRaw(t, b.Addr()), dialRaw(t, b.Addr())}
	for _, c := range clients {
		c.wantAlive("within the address's own bound")
	}
	dialRaw(t, b.Addr()).wantClosed("one more")
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.SetVersion(4)
	node := kmsg.NewDescribeConfigsRequestResource()
	node.ResourceType, node.ResourceName = kmsg.ConfigResourceTypeBroker, "1"
	node.ConfigNames = []string{"max.connections.per.ip.overrides", "max.connection.creation.rate"}
	req.Resources = append(req.Resources, node)
	got := map[string]string{}
	for _, e := range ask[*kmsg.DescribeConfigsResponse](clients[0], req, true).Resources[0].Configs {
		got[e.Name] = *e.Value
	}
	if got["max.connections.per.ip.overrides"] != "127.0.0.1:3,::1:7,fe80::1:2" || got["max.connection.creation.rate"] != "1000" {
		t.Errorf("%q", got)
	}
}

// TestNothingIsPretended: what would have to be enforced, or needs other nodes, is refused
// (ARCHITECTURE decision 12); what a single node of Kafka is configured with is not.
func TestNothingIsPretended(t *testing.T) {
	f := func(ok bool, props ...string) {
		t.Helper()
		m := map[string]string{}
		for i := 0; i < len(props); i += 2 {
			m[props[i]] = props[i+1]
		}
		cfg, _, err := broker.FromProperties(m)
		if err == nil {
			_, err = broker.New(cfg)
		}
		if (err == nil) != ok || err != nil && !errors.Is(err, broker.ErrConfig) {
			t.Errorf("%v: %v", props, err)
		}
	}
	f(false, "listeners", "SSL://:9093")
	f(false, "listeners", "SASL_PLAINTEXT://:9093")
	f(false, "listeners", "CLIENTS://:9092", "listener.security.protocol.map", "CLIENTS:SASL_SSL")
	f(false, "listeners", "CLIENTS://:9092", "listener.security.protocol.map", "CLIENTS:NONE")
	f(false, "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
	f(false, "security.inter.broker.protocol", "SSL")
	f(false, "controller.quorum.voters", "1@a:9093,2@b:9093")
	f(false, "process.roles", "broker")
	f(true, "process.roles", "broker,controller", "node.id", "1", "controller.quorum.bootstrap.servers", "localhost:9093",
		"listeners", "PLAINTEXT://:9092,CONTROLLER://:9093", "controller.listener.names", "CONTROLLER",
		"advertised.listeners", "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
		"listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL")
	f(true, "listeners", "CLIENTS://:9092", "listener.security.protocol.map", "CLIENTS:PLAINTEXT", "authorizer.class.name", "")
}

func TestShutdownWithoutAStart(t *testing.T) {
	b := brokertest.Start(t)
	cfg, _, err := broker.FromProperties(map[string]string{"listeners": b.Listeners()[0].String(), "log.dirs": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	second, err := broker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); !errors.Is(err, broker.ErrPortInUse) {
		t.Fatal(err)
	}
	if err := second.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestFailedDirectoryEndsTheBroker is C-12: a broker whose only directory has failed tells its owner.
func TestFailedDirectoryEndsTheBroker(t *testing.T) {
	fs := vfs.WithErrors(vfs.NewMem())
	cfg, _, err := broker.FromProperties(map[string]string{"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": "data"})
	if err != nil {
		t.Fatal(err)
	}
	cfg.FS = fs
	b, err := broker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.Shutdown(t.Context())
	c := dialRaw(t, b.Listeners()[0].Address())
	id := createTopic(t, c, "orders")
	fs.AddRules(vfs.MustRules("op=syncdata path=data/.thalweg-commitlog-* err=EIO sticky")...)
	c.call(produceFrame(t, "orders", id, 9, -1, 1, 10)) // answered with an error, when the directory has failed
	select {
	case err := <-b.Failed():
		if !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "data") {
			t.Errorf("%v", err)
		}
	case <-time.After(time.Minute):
		t.Error("nobody was told")
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		brokertest.Start(b).Stop()
	}
}
