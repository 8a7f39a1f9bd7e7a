package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/e2e/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerProtocol are the settings under which consumer groups move fast enough for a test.
var consumerProtocol = []string{"num.partitions=6", "group.initial.rebalance.delay.ms=0",
	"group.consumer.min.heartbeat.interval.ms=100", "group.consumer.heartbeat.interval.ms=200",
	"group.consumer.min.session.timeout.ms=3000", "group.consumer.session.timeout.ms=3000"}

// franzMember is a member of a group in this process. cut ends its connections for good, as a crash would.
type franzMember struct {
	client *kgo.Client
	got    atomic.Int64
	done   chan struct{}
	stop   context.CancelFunc

	mu    sync.Mutex
	cutOf bool
	conns []net.Conn
}

var errCut = errors.New("the connections of this member were cut")

func (m *franzMember) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cutOf {
		return nil, errCut
	}
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		m.conns = append(m.conns, c)
	}
	return c, err
}

func (m *franzMember) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cutOf = true
	for _, c := range m.conns {
		_ = c.Close()
	}
}

// joinFranz starts a member; what it reads goes to all.
func (n *node) joinFranz(t *testing.T, group, topic string, all *lines, opts ...kgo.Opt) *franzMember {
	t.Helper()
	m := &franzMember{done: make(chan struct{})}
	opts = append([]kgo.Opt{kgo.SeedBrokers(n.addr), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Dialer(m.dial),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(100 * time.Millisecond)}, opts...)
	var err error
	if m.client, err = kgo.NewClient(opts...); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	m.stop = stop
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			m.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				all.add(string(r.Value))
				m.got.Add(1)
			})
		}
	}()
	t.Cleanup(m.leave)
	return m
}

// leave ends the member in order, if it has not ended.
func (m *franzMember) leave() {
	m.stop()
	<-m.done
	m.client.Close()
}

func groupType(t *testing.T, client *kgo.Client, group string) (kind, state string) {
	t.Helper()
	resp, err := kmsg.NewPtrListGroupsRequest().RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range resp.Groups {
		if g.Group == group {
			kind, state = g.GroupType, g.GroupState
		}
	}
	return kind, state
}

// TestFranzConsumerProtocol: three members of the consumer protocol (KIP-848) share a topic; one crashes, one of the classic protocol
// joins, the others leave, so that a classic group is left. Every record is consumed, also what is written between.
func TestFranzConsumerProtocol(t *testing.T) {
	n := startNode(t, consumerProtocol...)
	writer, err := kgo.NewClient(kgo.SeedBrokers(n.addr), kgo.AllowAutoTopicCreation(), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	const records = 600
	written := 0
	write := func() {
		t.Helper()
		var batch []*kgo.Record
		for range records {
			batch = append(batch, &kgo.Record{Topic: "shared", Value: fmt.Appendf(nil, "%d", written)})
			written++
		}
		if err := writer.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	all := &lines{seen: map[string]int{}}
	wait := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				kind, state := groupType(t, writer, "g")
				t.Fatalf("never: %s; %d of %d records were read; the group is %s and %s", what, all.distinct(), written, kind, state)
			}
		}
	}
	is := func(kind, state string) func() bool {
		return func() bool { k, s := groupType(t, writer, "g"); return k == kind && s == state }
	}
	everything := func() bool { return all.distinct() == written }
	write()
	server := kgo.ServerSideBalancer()
	members := []*franzMember{n.joinFranz(t, "g", "shared", all, server), n.joinFranz(t, "g", "shared", all, server), n.joinFranz(t, "g", "shared", all, server)}
	wait("the first records", everything)
	wait("a stable consumer group", is("consumer", "Stable"))
	members[0].cut()
	write()
	wait("the records of the member that crashed", everything)
	wait("a stable group of two", is("consumer", "Stable"))
	classic := n.joinFranz(t, "g", "shared", all, kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(200*time.Millisecond))
	wait("a share for the member of the classic protocol", func() bool { write(); return classic.got.Load() > 0 })
	wait("all records of the mixed group", everything)
	members[1].leave()
	members[2].leave()
	wait("a stable classic group", is("classic", "Stable"))
	write()
	wait("the records of the last member", everything)
}

// TestJavaConsumerProtocol: Apache Kafka's own consumer with group.protocol=consumer reads a topic as a group, and Kafka's tool
// describes that group; a second consumer of the same group finds nothing left.
func TestJavaConsumerProtocol(t *testing.T) {
	home := kafka.Need(t)
	n := startNode(t, consumerProtocol...)
	shell, err := home.Shell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := func(stdin string, args ...string) kafka.Result {
		t.Helper()
		r, err := shell.Run(args[0], stdin, append([]string{"--bootstrap-server", n.addr}, args[1:]...)...)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var text, want string
	for i := range 100 {
		text += fmt.Sprintf("%d\n", i)
	}
	want = text
	run(text, "kafka-console-producer", "--topic", "t")
	consume := func(timeout string, more ...string) kafka.Result {
		return run("", append([]string{"kafka-console-consumer", "--topic", "t", "--group", "g", "--from-beginning", "--timeout-ms", timeout,
			"--command-property", "group.protocol=consumer"}, more...)...)
	}
	// What a run printed, in order: the consumer takes the partitions in any.
	sorted := func(s string) string {
		all := strings.Split(s, "\n")
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
	has := func(out string, words ...string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(out, word) })
	}
	if r := consume("30000", "--max-messages", "100"); sorted(r.Out) != sorted(want) {
		t.Errorf("the first consumer printed\n%s\n%s", r.Out, r.Err)
	}
	if r := consume("4000"); r.Out != "" {
		t.Errorf("the second consumer printed\n%s", r.Out)
	}
	if r := run("", "kafka-consumer-groups", "--describe", "--group", "g", "--state"); !has(r.Out, "g ", "Empty", "uniform") {
		t.Errorf("the tool printed\n%s\n%s", r.Out, r.Err)
	}
	if r := run("", "kafka-groups", "--list"); !has(r.Out, "g ", "Consumer") {
		t.Errorf("the tool printed\n%s\n%s", r.Out, r.Err)
	}
}
