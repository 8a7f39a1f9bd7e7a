package broker_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// quick lets groups begin at once.
func quick() brokertest.Option {
	return brokertest.WithProperty("group.initial.rebalance.delay.ms", "0")
}

// member is one consumer of a group, with what it has consumed.
type member struct {
	*kgo.Client
	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	seen     map[string]int // by "partition:offset"
	assigned map[int32]bool
}

// joinGroup starts a consumer that commits what it has consumed, until the test ends or leave is called.
func joinGroup(t *testing.T, b *brokertest.Broker, group, topic string, opts ...kgo.Opt) *member {
	t.Helper()
	m := &member{done: make(chan struct{}), seen: map[string]int{}, assigned: map[int32]bool{}}
	note := func(given bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, all map[string][]int32) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, p := range all[topic] {
				if given {
					m.assigned[p] = true
				} else {
					delete(m.assigned, p)
				}
			}
		}
	}
	m.Client = newClient(t, b, append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.HeartbeatInterval(50 * time.Millisecond), kgo.OnPartitionsAssigned(note(true)), kgo.OnPartitionsRevoked(note(false)),
		kgo.OnPartitionsLost(note(false)), kgo.BlockRebalanceOnPoll(), kgo.DisableAutoCommit(),
	}, opts...)...)
	ctx, cancel := context.WithCancel(context.Background())
	m.stop = cancel
	go m.run(ctx)
	t.Cleanup(m.leave)
	return m
}

func (m *member) run(ctx context.Context) {
	defer close(m.done)
	for ctx.Err() == nil {
		fetches := m.PollFetches(ctx)
		m.mu.Lock()
		for _, r := range fetches.Records() {
			m.seen[fmt.Sprintf("%d:%d", r.Partition, r.Offset)]++
		}
		m.mu.Unlock()
		if len(fetches.Records()) > 0 {
			_ = m.CommitUncommittedOffsets(context.Background()) // a rebalance may be in the way: then they come again
		}
		m.AllowRebalance()
	}
}

// leave leaves the group, when what was polled is committed.
func (m *member) leave() {
	m.stop()
	<-m.done
	m.CloseAllowingRebalance()
}

func (m *member) owned() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.assigned))
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// shared reports whether the members own all partitions, each one of them, and each member about as many.
func shared(partitions int, members ...*member) bool {
	owner := map[int32]int{}
	for _, m := range members {
		owned := m.owned()
		if n := len(owned); n < partitions/len(members) || n > partitions/len(members)+1 {
			return false
		}
		for _, p := range owned {
			owner[p]++
		}
	}
	for _, n := range owner {
		if n != 1 {
			return false
		}
	}
	return len(owner) == partitions
}

// consumed are the records that members have seen.
func consumed(members ...*member) map[string]int {
	all := map[string]int{}
	for _, m := range members {
		m.mu.Lock()
		for k, n := range m.seen {
			all[k] += n
		}
		m.mu.Unlock()
	}
	return all
}

// TestGroupOfThree: three members share the partitions, one leaves and another joins; every record is consumed, and what was
// committed is not consumed again by those who come later. With eager and with cooperative rebalancing.
func TestGroupOfThree(t *testing.T) {
	for _, balancer := range []kgo.GroupBalancer{kgo.RangeBalancer(), kgo.CooperativeStickyBalancer()} {
		t.Run(balancer.ProtocolName(), func(t *testing.T) {
			b := brokertest.Start(t, quick())
			const partitions, records = 6, 300
			createPartitions(t, b, "t", partitions)
			c := newClient(t, b, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
			produce(t, c, "t", records)
			join := func() *member { return joinGroup(t, b, "g", "t", kgo.Balancers(balancer)) }
			one, two, three := join(), join(), join()
			eventually(t, "shared by three", func() bool { return shared(partitions, one, two, three) })
			eventually(t, "all consumed", func() bool { return len(consumed(one, two, three)) == records })
			two.leave()
			eventually(t, "shared by two", func() bool { return shared(partitions, one, three) })
			four := join()
			eventually(t, "shared by three again", func() bool { return shared(partitions, one, three, four) })
			produce(t, c, "t", records)
			eventually(t, "all consumed", func() bool { return len(consumed(one, two, three, four)) == 2*records })
			for _, m := range []*member{one, three, four} {
				m.leave()
			}
			if n := committedRecords(t, b, "g", "t"); n != 2*records {
				t.Errorf("%d records are committed, want %d", n, 2*records)
			}
			five := join()
			produce(t, c, "t", records)
			eventually(t, "the new records are consumed", func() bool { return len(consumed(five)) == records })
			for k, n := range consumed(five) {
				if n != 1 {
					t.Errorf("%s was consumed %d times", k, n)
				}
			}
		})
	}
}

func createPartitions(t *testing.T, b *brokertest.Broker, topic string, n int32) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 30_000
	e := kmsg.NewCreateTopicsRequestTopic()
	e.Topic, e.NumPartitions, e.ReplicationFactor = topic, n, 1
	req.Topics = append(req.Topics, e)
	resp, err := req.RequestWith(t.Context(), newClient(t, b))
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// committedRecords is the sum of the committed offsets of a group.
func committedRecords(t *testing.T, b *brokertest.Broker, group, topic string) (sum int64) {
	t.Helper()
	for _, offset := range committed(t, b, group, topic) {
		sum += offset
	}
	return sum
}

// committed are the committed offsets of a group by partition.
func committed(t *testing.T, b *brokertest.Broker, group, topic string) map[int32]int64 {
	t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(t.Context(), newClient(t, b))
	if err != nil {
		t.Fatal(err)
	}
	out := map[int32]int64{}
	for _, g := range resp.Groups {
		if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
			t.Fatal(err)
		}
		for _, topics := range g.Topics {
			for _, p := range topics.Partitions {
				out[p.Partition] = p.Offset
			}
		}
	}
	return out
}

// commit commits one offset without being a member.
func commit(t *testing.T, c *kgo.Client, group, topic string, partition int32, offset int64) error {
	t.Helper()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	e, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	e.Topic, p.Partition, p.Offset = topic, partition, offset
	e.TopicID = topicID(t, c, topic)
	e.Partitions = append(e.Partitions, p)
	req.Topics = append(req.Topics, e)
	resp, err := req.RequestWith(t.Context(), c)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// TestCommitOfTooMuchIsRefused: offsets whose record batch would be larger than the topic of offsets takes are refused, all of
// them, and the coordinator goes on.
func TestCommitOfTooMuchIsRefused(t *testing.T) {
	b := brokertest.Start(t, quick())
	createPartitions(t, b, "t", 1)
	c := newClient(t, b)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = "g", -1
	metadata := strings.Repeat("m", 4096)
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = "t", topicID(t, c, "t")
	for range 300 {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Offset, p.Metadata = 1, &metadata
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Topics[0].Partitions; len(got) != 300 || got[0].ErrorCode != kerr.InvalidCommitOffsetSize.Code || got[299].ErrorCode != kerr.InvalidCommitOffsetSize.Code {
		t.Errorf("%d partitions, first %+v", len(got), got[0])
	}
	if err := commit(t, c, "g", "t", 0, 1); err != nil {
		t.Error(err)
	}
}

func topicID(t *testing.T, c *kgo.Client, topic string) [16]byte {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	e := kmsg.NewMetadataRequestTopic()
	e.Topic = &topic
	req.Topics = append(req.Topics, e)
	resp, err := req.RequestWith(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Topics[0].TopicID
}

// TestCommittedOffsetsSurvive a clean restart and a power cut.
func TestCommittedOffsetsSurvive(t *testing.T) {
	b := brokertest.Start(t, quick())
	createPartitions(t, b, "t", 3)
	c := newClient(t, b)
	for group, offset := range map[string]int64{"a": 5, "b": 7, "äöü": 9} {
		if err := commit(t, c, group, "t", 1, offset); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, b *brokertest.Broker) {
		t.Helper()
		for group, want := range map[string]int64{"a": 5, "b": 7, "äöü": 9} {
			if got := committed(t, b, group, "t"); len(got) != 1 || got[1] != want {
				t.Errorf("%s: group %s has %v, want %d", when, group, got, want)
			}
		}
	}
	check("at once", b)
	check("after a power cut", b.Crash())
	check("after a restart", b.Restart())
}

// TestGroupGoesOnAfterRestart: members keep their places when the coordinator is loaded again.
func TestGroupGoesOnAfterRestart(t *testing.T) {
	b := brokertest.Start(t, quick(), brokertest.WithProperty("listeners", freeListener(t)))
	createPartitions(t, b, "t", 4)
	c := newClient(t, b, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	produce(t, c, "t", 100)
	one, two := joinGroup(t, b, "g", "t"), joinGroup(t, b, "g", "t")
	eventually(t, "all consumed", func() bool { return shared(4, one, two) && len(consumed(one, two)) == 100 })
	before := [2][]int32{one.owned(), two.owned()}
	b.Restart()
	produce(t, c, "t", 100)
	eventually(t, "all consumed", func() bool { return len(consumed(one, two)) == 200 })
	if after := [2][]int32{one.owned(), two.owned()}; !slices.Equal(after[0], before[0]) || !slices.Equal(after[1], before[1]) {
		t.Errorf("partitions before %v, after %v", before, after)
	}
}

// TestGroupMetrics: groups are counted by state, and how far each lags is told partition by partition.
func TestGroupMetrics(t *testing.T) {
	b := brokertest.Start(t, quick(), withMetrics())
	createPartitions(t, b, "t", 2)
	c := newClient(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	produce(t, c, "t", 10) // all to partition 0
	for group, offset := range map[string]int64{"behind": 4, "ahead": 10} {
		if err := commit(t, c, group, "t", 0, offset); err != nil {
			t.Fatal(err)
		}
	}
	const lag = "thalweg_group_lag"
	all := scrape(t, b)
	eventually(t, "both groups are seen", func() bool {
		all = scrape(t, b)
		return sample(t, all, "kafka_coordinator_group_groupmetadatamanager_numgroups") == 2
	})
	f := func(want float64, name string, labels ...string) {
		t.Helper()
		if got := sample(t, all, name, labels...); got != want {
			t.Errorf("%s %v is %v, want %v", name, labels, got, want)
		}
	}
	f(6, lag, "group", "behind", "topic", "t", "partition", "0")
	f(0, lag, "group", "ahead", "topic", "t", "partition", "0")
	f(2, "thalweg_groups", "type", "classic", "state", "Empty")
	f(2, "kafka_coordinator_group_groupmetadatamanager_numgroups")
	f(2, "kafka_coordinator_group_groupmetadatamanager_numoffsets")
	f(0, "thalweg_group_lag_left_out")
}
