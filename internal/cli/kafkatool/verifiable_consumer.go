package kafkatool

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/cli/option"
	"github.com/thalweg-io/thalweg/internal/kclient"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func verifiableConsumerParser() *option.Parser {
	return &option.Parser{Style: option.Sub, Options: []option.Option{
		{Name: "bootstrap-server", Arg: "HOST:PORT,...", Help: "REQUIRED: the brokers to connect to first."}, configOption(),
		{Name: "consumer.config", Arg: "file", Instead: "command-config"},
		{Name: "topic", Arg: "topic", Help: "REQUIRED: the topic to consume."},
		{Name: "group-id", Arg: "group", Help: "REQUIRED: the group to be a member of."},
		{Name: "group-protocol", Arg: "protocol", Default: "classic", Help: "classic, or consumer (KIP-848)."},
		{Name: "group-remote-assignor", Arg: "assignor", Help: "With --group-protocol consumer: uniform or range."},
		{Name: "group-instance-id", Arg: "id", Help: "The id of a static member."},
		{Name: "max-messages", Arg: "n", Type: option.Int, Default: "-1", Help: "How many messages; -1 goes on until stopped."},
		{Name: "session-timeout", Arg: "ms", Type: option.Int, Default: "30000", Help: "After what silence the group goes on without this member."},
		{Name: "verbose", Help: "Print every record."},
		{Name: "enable-autocommit", Help: "Commit in the background, and print no commits."},
		{Name: "close-timeout", Arg: "ms", Type: option.Int, Default: "30000", Help: "How long leaving the group may take."},
		{Name: "reset-policy", Arg: "policy", Default: "earliest", Help: "Where to begin without an offset: earliest, latest or none."},
		{Name: "assignment-strategy", Arg: "class,...", Default: "org.apache.kafka.clients.consumer.RangeAssignor", Help: "How partitions are shared: RangeAssignor, RoundRobinAssignor, StickyAssignor or CooperativeStickyAssignor."},
	}}
}

func runVerifiableConsumer(c *call) error {
	for _, name := range []string{"topic", "group-id", "bootstrap-server"} {
		if c.Missing(name) != nil {
			return misused("argument --%s is required", name)
		}
	}
	props := map[string]string{"auto.offset.reset": c.Value("reset-policy")}
	file, err := c.properties(sources{files: []string{"consumer.config", "command-config"}})
	if err != nil {
		return err
	}
	for k, v := range file {
		props[k] = v
	}
	props["bootstrap.servers"] = c.Value("bootstrap-server")
	member, err := kclient.GroupOptions(c.Value("group-id"), c.memberProperties(props))
	if err != nil {
		return err
	}
	v := &verifiableConsumer{call: c, started: make(chan struct{})}
	opts := append(member, kgo.ConsumeTopics(c.Value("topic")),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { v.partitions("partitions_assigned", p) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { v.partitions("partitions_revoked", p) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { v.partitions("partitions_revoked", p) }))
	if v.cl, err = c.dial(kclient.Consumer, props, opts...); err != nil {
		return err
	}
	v.emit(named("startup_complete"))
	close(v.started)
	err = v.loop()
	v.close()
	return err
}

// memberProperties are properties with what the tool's options say about the member. The consumer protocol has no session time-out and no
// assignment strategy of the client, so the options' defaults are left out there.
func (c *call) memberProperties(props map[string]string) map[string]string {
	props["group.protocol"] = c.Value("group-protocol")
	if strings.EqualFold(c.Value("group-protocol"), "consumer") {
		if c.Has("group-remote-assignor") {
			props["group.remote.assignor"] = c.Value("group-remote-assignor")
		}
	} else {
		props["session.timeout.ms"] = c.Value("session-timeout")
		props["partition.assignment.strategy"] = c.Value("assignment-strategy")
	}
	if id := c.Value("group-instance-id"); id != "" {
		props["group.instance.id"] = id
	}
	props["enable.auto.commit"] = strconv.FormatBool(c.Has("enable-autocommit"))
	return props
}

// verifiableConsumer prints one JSON object per event, for programs that check a cluster.
type verifiableConsumer struct {
	*call
	cl       *kgo.Client
	started  chan struct{} // closed when startup_complete is written: no event comes before it
	mu       sync.Mutex    // of the output, which callbacks write too
	consumed int64
}

// The events, their fields in the order of Kafka's tool.
type (
	eventPlace struct {
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
	}
	partitionsEvent struct {
		event
		Partitions []eventPlace `json:"partitions"`
	}
	recordEvent struct {
		event
		Key       *string `json:"key"`
		Value     *string `json:"value"`
		Topic     string  `json:"topic"`
		Partition int32   `json:"partition"`
		Offset    int64   `json:"offset"`
	}
	consumedPlace struct {
		eventPlace
		Count     int64 `json:"count"`
		MinOffset int64 `json:"minOffset"`
		MaxOffset int64 `json:"maxOffset"`
	}
	consumedEvent struct {
		event
		Count      int64           `json:"count"`
		Partitions []consumedPlace `json:"partitions"`
	}
	committedPlace struct {
		eventPlace
		Offset int64 `json:"offset"`
	}
	committedEvent struct {
		event
		Offsets []committedPlace `json:"offsets"`
		Success bool             `json:"success"`
		Error   string           `json:"error,omitempty"`
	}
)

func (v *verifiableConsumer) emit(what any) {
	line, err := eventJSON(what)
	if err != nil {
		panic("BUG: an event is no JSON: " + err.Error())
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.printf("%s\n", line)
	v.out.Flush()
}

func (v *verifiableConsumer) partitions(name string, topics map[string][]int32) {
	<-v.started
	e := partitionsEvent{named(name), []eventPlace{}}
	for topic, ids := range topics {
		for _, id := range ids {
			e.Partitions = append(e.Partitions, eventPlace{topic, id})
		}
	}
	slices.SortFunc(e.Partitions, func(a, b eventPlace) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	v.emit(e)
}

func (v *verifiableConsumer) left() int64 {
	if limit := v.Number("max-messages"); limit >= 0 {
		return limit - v.consumed
	}
	return math.MaxInt64
}

func (v *verifiableConsumer) loop() error {
	for v.left() > 0 && v.ctx.Err() == nil {
		fetches := v.cl.PollRecords(v.ctx, 500)
		if err := fetches.Err0(); err != nil && v.ctx.Err() == nil {
			return err
		}
		var failed error
		fetches.EachError(func(_ string, _ int32, err error) {
			if v.ctx.Err() == nil && failed == nil {
				failed = err
			}
		})
		if failed != nil {
			return failed
		}
		if fetches.NumRecords() > 0 {
			v.received(fetches)
		}
	}
	return nil
}

// received tells of a poll and commits what was taken of it.
func (v *verifiableConsumer) received(fetches kgo.Fetches) {
	e := consumedEvent{named("records_consumed"), int64(fetches.NumRecords()), []consumedPlace{}}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	var last []*kgo.Record
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		records := p.Records
		if int64(len(records)) > v.left() {
			records = records[:v.left()]
		}
		if len(records) == 0 {
			return
		}
		end := records[len(records)-1]
		e.Partitions = append(e.Partitions, consumedPlace{eventPlace{p.Topic, p.Partition}, int64(len(records)), records[0].Offset, end.Offset})
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[p.Topic][p.Partition] = kgo.EpochOffset{Epoch: -1, Offset: end.Offset + 1}
		last = append(last, end)
		if v.Has("verbose") {
			for _, r := range records {
				v.emit(recordEvent{named("record_data"), textOrNull(r.Key), textOrNull(r.Value), r.Topic, r.Partition, r.Offset})
			}
		}
		v.consumed += int64(len(records))
	})
	v.emit(e)
	if v.Has("enable-autocommit") {
		v.cl.MarkCommitRecords(last...)
		return
	}
	v.commit(e, offsets)
}

func textOrNull(b []byte) *string {
	if b == nil {
		return nil
	}
	text := javaText(b)
	return &text
}

func (v *verifiableConsumer) commit(e consumedEvent, offsets map[string]map[int32]kgo.EpochOffset) {
	done := committedEvent{event: named("offsets_committed"), Offsets: []committedPlace{}, Success: true}
	for _, p := range e.Partitions {
		done.Offsets = append(done.Offsets, committedPlace{p.eventPlace, p.MaxOffset + 1})
	}
	var failed error
	v.cl.CommitOffsetsSync(v.ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failed = err
		if err != nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if failed == nil {
					failed = kerr.ErrorForCode(p.ErrorCode)
				}
			}
		}
	})
	if failed != nil {
		done.Success, done.Error = false, kclient.Message(failed)
	}
	done.event = named("offsets_committed")
	v.emit(done)
}

func (v *verifiableConsumer) close() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), time.Duration(v.Number("close-timeout"))*time.Millisecond)
	defer cancel()
	if v.Has("enable-autocommit") {
		_ = v.cl.CommitMarkedOffsets(ctx) // what was not committed is read again
	}
	closed := make(chan struct{})
	go func() {
		v.cl.CloseAllowingRebalance()
		close(closed)
	}()
	select {
	case <-closed:
	case <-ctx.Done():
	}
	v.emit(named("shutdown_complete"))
	v.emit(named("shutdown_requested"))
}
