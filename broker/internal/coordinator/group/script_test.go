package group

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/coordinator/coordinatortest"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestScripts runs the scripts in testdata: what clients ask in; answers when they are given, and then the records that were
// written, out. After each command the groups that are not in a rebalance are compared with what a replay of the log gives.
// Regenerate with -rewrite and read the difference.
//
// The first word of a command is the API, the second the client, with a memory like that of a real one (member id, generation);
// its member ids are shown under its name.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/script", func(t *testing.T, path string) {
		w := newWorld(t, nil)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "new" {
				properties := map[string]string{}
				for _, a := range d.CmdArgs {
					properties[a.Key] = strings.Join(a.Vals, ",")
				}
				w = newWorld(t, properties)
				return ""
			}
			return w.run(t, d)
		})
	})
}

// client is what a client of a group remembers.
type client struct {
	name       string
	id         string
	generation int32
	ids        int      // how many ids it was given
	owned      []string // partitions, of a consumer group
}

// world is a shard with its clients.
type world struct {
	shard   *coordinatortest.Shard
	machine *Shard
	builder *metadata.Builder
	offset  int64

	clients map[string]*client
	names   []string // pairs of a member id and the name that it is shown under
	shown   int      // records
	aside   bool     // something was shown to the machine that is not in the log
	out     strings.Builder
}

func newWorld(t testing.TB, properties map[string]string) *world {
	defaults, err := metadata.NewDefaults(properties)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{clients: map[string]*client{}}
	w.builder = metadata.NewBuilder(metadata.NewImage(metadata.ImageOptions{Defaults: defaults}))
	w.apply(t, &schema.FeatureLevelRecord{Name: metadata.MetadataVersion, FeatureLevel: 30}, &schema.FeatureLevelRecord{Name: "group.version", FeatureLevel: 1})
	image, _ := w.builder.Freeze()
	w.shard = coordinatortest.New(func() coordinator.Machine {
		w.machine = New(slog.New(slog.DiscardHandler))
		return w.machine
	}, image)
	return w
}

func (w *world) apply(t testing.TB, records ...schema.Record) {
	t.Helper()
	for _, r := range records {
		w.builder.Seen(w.offset, 1)
		w.offset++
		if err := w.builder.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
}

// topic creates a topic, or with no partitions deletes it, and publishes that.
func (w *world) topic(t testing.TB, name string, partitions int, racks ...[]kafka.BrokerID) {
	t.Helper()
	if old := w.builder.View().Topic(name); old != nil && partitions == 0 {
		w.apply(t, &schema.RemoveTopicRecord{TopicID: old.ID})
	} else {
		id := topicIDOf(name)
		if old == nil {
			w.apply(t, &schema.TopicRecord{Name: name, TopicID: id})
		}
		for i := range partitions {
			if old != nil && i < len(old.Partitions) {
				continue
			}
			replicas := []kafka.BrokerID{1}
			if len(racks) > 0 {
				replicas = racks[i%len(racks)]
			}
			w.brokers(t, replicas)
			w.apply(t, &schema.PartitionRecord{TopicID: id, PartitionID: int32(i), Replicas: replicas, ISR: replicas, Leader: replicas[0]})
		}
	}
	w.publish()
}

// brokers registers those that are not, as partitions have no others (C-07).
func (w *world) brokers(t testing.TB, ids []kafka.BrokerID) {
	t.Helper()
	for _, id := range ids {
		if w.builder.View().Broker(id) == nil {
			w.apply(t, &schema.RegisterBrokerRecord{BrokerID: id, BrokerEpoch: kafka.BrokerEpoch(w.offset), LogDirs: []kafka.UUID{{1}}})
		}
	}
}

func (w *world) publish() {
	image, delta := w.builder.Freeze()
	w.shard.Publish(delta, image)
}

// topicIDOf makes ids of names that start with the same letters.
func topicIDOf(name string) (id kafka.TopicID) {
	id[0] = 1
	copy(id[1:], name)
	return id
}

func (w *world) client(name string) *client {
	c := w.clients[name]
	if c == nil {
		c = &client{name: name, generation: -1}
		w.clients[name] = c
	}
	return c
}

// learn gives a client the id of an answer.
func (w *world) learn(c *client, id string) {
	if id == "" || id == c.id {
		return
	}
	c.id = id
	c.ids++
	if !slices.Contains(w.names, id) {
		w.names = append(w.names, id, c.name+strings.Repeat("'", c.ids-1))
	}
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(&w.out, format, args...) }

// take returns what was said since the last time, with the records that were written.
func (w *world) take() string {
	records := w.shard.Log.Records()
	for _, r := range records[w.shown:] {
		w.printf("  + %s\n", recordText(r))
	}
	w.shown = len(records)
	text := strings.NewReplacer(w.names...).Replace(w.out.String())
	w.out.Reset()
	return text
}

// args reads the arguments of one command.
type args struct {
	t *testing.T
	d *datadriven.TestData
}

func (a args) has(key string) bool { return a.d.HasArg(key) }

func (a args) number(key string, or int64) int64 {
	if a.has(key) {
		a.d.ScanArgs(a.t, key, &or)
	}
	return or
}

func (a args) text(key, or string) string {
	if a.has(key) {
		for _, arg := range a.d.CmdArgs {
			if arg.Key == key {
				return strings.Join(arg.Vals, ",")
			}
		}
	}
	return or
}

func (a args) optional(key string) *string {
	if !a.has(key) {
		return nil
	}
	s := a.text(key, "")
	return &s
}

func (a args) list(key string) (all []string) {
	all = []string{}
	for _, arg := range a.d.CmdArgs {
		if arg.Key == key && !slices.Equal(arg.Vals, []string{""}) {
			all = append(all, arg.Vals...)
		}
	}
	return all
}

func (w *world) run(t *testing.T, d *datadriven.TestData) string {
	a := args{t, d}
	var c *client
	if len(d.CmdArgs) > 0 && len(d.CmdArgs[0].Vals) == 0 {
		c = w.client(d.CmdArgs[0].Key)
	}
	switch d.Cmd {
	case "join":
		w.join(a, c)
	case "sync":
		w.sync(a, c)
	case "heartbeat":
		w.heartbeat(a, c)
	case "leave":
		w.leave(a)
	case "commit":
		w.commit(a, c)
	case "fetch":
		w.fetch(a)
	case "offset-delete":
		w.offsetDelete(a)
	case "delete":
		w.do(func(turn *coordinator.Turn) {
			w.machine.DeleteGroup(turn, Caller{}, a.text("group", "g"), func(r kmsg.DeleteGroupsResponseGroup) { w.printf("deleted: %s\n", codeText(r.ErrorCode)) })
		})
	case "list":
		w.list(a)
	case "describe":
		w.describe(a)
	case "consumer":
		w.consumerHeartbeat(a, c)
	case "describe-consumer":
		w.describeConsumer(a)
	case "advance":
		w.shard.Advance(a.number("ms", 0))
	case "hold":
		w.shard.Log.Hold = true
	case "release":
		w.shard.Log.Hold = false
		w.shard.Commit()
	case "reload":
		w.shard.Reload()
	case "topic":
		w.topic(t, a.text("name", ""), int(a.number("partitions", 1)))
	case "config":
		value := a.text("value", "")
		w.apply(t, &schema.ConfigRecord{ResourceType: schema.ResourceBroker, Name: a.text("name", ""), Value: &value})
		w.publish()
	case "record":
		w.aside = true
		w.write(a)
	case "marker":
		w.marker(kafka.ProducerID(a.number("producer", 1)), a.has("commit"))
	default:
		t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	}
	w.checkFold(t)
	return w.take()
}

// say runs one command of a script; what follows the first line is its input.
func (w *world) say(t *testing.T, text string) string {
	t.Helper()
	line, input, _ := strings.Cut(text, "\n")
	cmd, arguments, err := datadriven.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	return w.run(t, &datadriven.TestData{Pos: line, Cmd: cmd, CmdArgs: arguments, Input: input})
}

// expect runs a command and wants lines of its answer to begin with what is given, in order.
func (w *world) expect(t *testing.T, text string, want ...string) {
	t.Helper()
	got := w.say(t, text)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if got == "" {
		lines = nil
	}
	ok := len(lines) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.HasPrefix(strings.TrimSpace(lines[i]), want[i])
	}
	if !ok {
		t.Errorf("%s:\n%s\nwant %d lines that begin with\n%s", text, got, len(want), strings.Join(want, "\n"))
	}
}

func (w *world) do(decide func(*coordinator.Turn)) {
	if code := w.shard.Do(decide); code != nil {
		w.printf("refused: %s\n", code.Message)
	}
}

// codeText is the name of a code.
func codeText(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.TypedErrorForCode(code).Message
}

func pointed(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

// protocols reads range/t1+t2 … ; without topics the metadata is the text behind the colon.
func protocols(list []string) (all []kmsg.JoinGroupRequestProtocol) {
	for _, item := range list {
		if item == "" {
			continue
		}
		name, topics, isTopics := strings.Cut(item, "/")
		p := kmsg.JoinGroupRequestProtocol{Name: name}
		if isTopics {
			p.Metadata = subscriptionBytes(strings.Split(topics, "+"))
		} else if n, data, ok := strings.Cut(item, ":"); ok {
			p.Name, p.Metadata = n, []byte(data)
		}
		all = append(all, p)
	}
	return all
}

func subscriptionBytes(topics []string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Version, m.Topics = 1, topics
	return m.AppendTo(nil)
}

func (w *world) joinRequest(a args, c *client) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version = int16(a.number("v", 9))
	req.Group = a.text("group", "g")
	req.MemberID = c.id
	if a.has("id") {
		req.MemberID = w.idOf(a.text("id", ""))
	}
	req.InstanceID = a.optional("instance")
	req.SessionTimeoutMillis = int32(a.number("session", 10_000))
	req.RebalanceTimeoutMillis = int32(a.number("rebalance", 60_000))
	req.ProtocolType = a.text("type", "consumer")
	req.Protocols = protocols([]string{"range/t"})
	if a.has("protocols") {
		req.Protocols = protocols(a.list("protocols"))
	}
	if a.has("owned") {
		m := kmsg.NewConsumerMemberMetadata()
		m.Version, m.Topics = 1, []string{"t"}
		for _, t := range offsetList(a.list("owned")) {
			e := kmsg.NewConsumerMemberMetadataOwnedPartition()
			e.Topic = t.Topic
			for _, p := range t.Partitions {
				e.Partitions = append(e.Partitions, p.Partition)
			}
			m.OwnedPartitions = append(m.OwnedPartitions, e)
		}
		req.Protocols[0].Metadata = m.AppendTo(nil)
	}
	return req
}

// idOf turns a name into a member id; - is none.
func (w *world) idOf(name string) string {
	for i := 1; i < len(w.names); i += 2 {
		if w.names[i] == name {
			return w.names[i-1]
		}
	}
	return strings.TrimPrefix(name, "-")
}

// received is a request as the network has it: its bytes lie in a buffer, which gone gives to others when the request is answered.
func received[R kmsg.Request](a args, req R) (again R, gone func()) {
	again = kmsg.RequestForKey(req.Key()).(R)
	again.SetVersion(req.GetVersion())
	buf := req.AppendTo(nil)
	if err := again.ReadFrom(buf); err != nil {
		a.t.Fatal(err)
	}
	return again, func() {
		for i := range buf {
			buf[i] = 0xee
		}
	}
}

func (w *world) join(a args, c *client) {
	req, gone := received(a, w.joinRequest(a, c))
	w.do(func(t *coordinator.Turn) {
		w.machine.JoinGroup(t, Caller{ClientID: c.name, ClientHost: "/127.0.0.1", Version: req.Version}, req, func(r *kmsg.JoinGroupResponse) {
			defer gone()
			if r.ErrorCode == 0 || r.ErrorCode == kerr.MemberIDRequired.Code {
				w.learn(c, r.MemberID)
				c.generation = r.Generation
			}
			w.printf("%s joined: %s", c.name, codeText(r.ErrorCode))
			if r.ErrorCode == 0 {
				w.printf(" generation=%d protocol=%s/%s leader=%s", r.Generation, pointed(r.ProtocolType), pointed(r.Protocol), r.LeaderID)
			}
			if r.MemberID != "" {
				w.printf(" id=%s", r.MemberID)
			}
			if r.SkipAssignment {
				w.printf(" skip-assignment")
			}
			for _, m := range r.Members {
				w.printf(" [%s", m.MemberID)
				if m.InstanceID != nil {
					w.printf(" %s", *m.InstanceID)
				}
				w.printf(" %s]", metadataText(m.ProtocolMetadata))
			}
			w.printf("\n")
		})
	})
}

func metadataText(b []byte) string {
	if topics, ok := subscriptionTopics(b); ok {
		return strings.Join(topics, "+")
	}
	return strconv.Quote(string(b))
}

func (w *world) sync(a args, c *client) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version = int16(a.number("v", 5))
	req.Group, req.MemberID, req.InstanceID = a.text("group", "g"), c.id, a.optional("instance")
	req.Generation = int32(a.number("generation", int64(c.generation)))
	req.ProtocolType, req.Protocol = a.optional("type"), a.optional("protocol")
	for _, item := range a.list("assignment") { // real bytes: A:t+0+1
		name, what, _ := strings.Cut(item, ":")
		parts := strings.Split(what, "+")
		m := kmsg.NewConsumerMemberAssignment()
		e := kmsg.NewConsumerMemberAssignmentTopic()
		e.Topic = parts[0]
		for _, p := range parts[1:] {
			n, _ := strconv.Atoi(p)
			e.Partitions = append(e.Partitions, int32(n))
		}
		m.Topics = append(m.Topics, e)
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: w.idOf(name), MemberAssignment: m.AppendTo(nil)})
	}
	for _, item := range a.list("assign") {
		name, what, _ := strings.Cut(item, ":")
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: w.idOf(name), MemberAssignment: []byte(what)})
	}
	req, gone := received(a, req)
	w.do(func(t *coordinator.Turn) {
		w.machine.SyncGroup(t, Caller{Version: req.Version}, req, func(r *kmsg.SyncGroupResponse) {
			defer gone()
			w.printf("%s synced: %s", c.name, codeText(r.ErrorCode))
			if r.ErrorCode == 0 {
				w.printf(" protocol=%s/%s assignment=%s", pointed(r.ProtocolType), pointed(r.Protocol), assignmentText(r.MemberAssignment))
			}
			w.printf("\n")
		})
	})
}

// assignmentText shows an assignment of the consumer protocol, or the text that a script gave for one.
func assignmentText(b []byte) string {
	m := kmsg.NewConsumerMemberAssignment()
	if len(b) < 6 || b[0] != 0 || m.ReadFrom(b) != nil {
		return strconv.Quote(string(b))
	}
	var all []string
	for _, t := range m.Topics {
		all = append(all, fmt.Sprint(t.Topic, t.Partitions))
	}
	return "{" + strings.Join(all, "") + "}"
}

func (w *world) heartbeat(a args, c *client) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = 4, a.text("group", "g"), c.id, a.optional("instance")
	if a.has("id") {
		req.MemberID = w.idOf(a.text("id", ""))
	}
	req.Generation = int32(a.number("generation", int64(c.generation)))
	w.do(func(t *coordinator.Turn) {
		w.machine.Heartbeat(t, Caller{Version: req.Version}, req, func(r *kmsg.HeartbeatResponse) { w.printf("%s heard: %s\n", c.name, codeText(r.ErrorCode)) })
	})
}

func (w *world) leave(a args) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = int16(a.number("v", 5)), a.text("group", "g")
	for _, arg := range a.d.CmdArgs {
		m := kmsg.NewLeaveGroupRequestMember()
		switch {
		case arg.Key == "instance":
			m.InstanceID = &arg.Vals[0]
		case len(arg.Vals) == 0:
			m.MemberID = w.client(arg.Key).id
		default:
			continue
		}
		req.Members, req.MemberID = append(req.Members, m), m.MemberID
	}
	w.do(func(t *coordinator.Turn) {
		w.machine.LeaveGroup(t, Caller{Version: req.Version}, req, func(r *kmsg.LeaveGroupResponse) {
			w.printf("left: %s", codeText(r.ErrorCode))
			for _, m := range r.Members {
				w.printf(" [%s%s %s]", m.MemberID, strings.TrimPrefix(" "+pointed(m.InstanceID), " -"), codeText(m.ErrorCode))
			}
			w.printf("\n")
		})
	})
}

// offsetList reads t/0=5 t/1=7:metadata.
func offsetList(list []string) (all []kmsg.OffsetCommitRequestTopic) {
	for _, item := range list {
		where, what, _ := strings.Cut(item, "=")
		topic, partition, _ := strings.Cut(where, "/")
		number, text, hasText := strings.Cut(what, ":")
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		n, _ := strconv.ParseInt(partition, 10, 32)
		p.Partition = int32(n)
		p.Offset, _ = strconv.ParseInt(number, 10, 64)
		if hasText {
			p.Metadata = &text
		}
		if len(all) == 0 || all[len(all)-1].Topic != topic {
			e := kmsg.NewOffsetCommitRequestTopic()
			e.Topic = topic
			all = append(all, e)
		}
		all[len(all)-1].Partitions = append(all[len(all)-1].Partitions, p)
	}
	return all
}

func (w *world) commit(a args, c *client) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group = int16(a.number("v", 9)), a.text("group", "g")
	req.MemberID, req.InstanceID = c.id, a.optional("instance")
	req.Generation = int32(a.number("generation", int64(c.generation)))
	req.RetentionTimeMillis = a.number("retention", -1)
	req.Topics = offsetList(strings.Fields(a.d.Input))
	for i := range req.Topics {
		if req.Version >= 10 {
			req.Topics[i].TopicID = topicIDOf(req.Topics[i].Topic)
		}
	}
	w.do(func(t *coordinator.Turn) {
		w.machine.OffsetCommit(t, Caller{Version: req.Version}, req, func(r *kmsg.OffsetCommitResponse) {
			w.printf("%s committed:", c.name)
			for _, topic := range r.Topics {
				for _, p := range topic.Partitions {
					w.printf(" %s/%d %s", topic.Topic, p.Partition, codeText(p.ErrorCode))
				}
			}
			w.printf("\n")
		})
	})
}

func (w *world) fetch(a args) {
	req := kmsg.NewOffsetFetchRequestGroup()
	req.Group = a.text("group", "g")
	req.MemberEpoch = int32(a.number("epoch", -1))
	if a.has("member") {
		id := w.idOf(a.text("member", ""))
		req.MemberID = &id
	}
	for _, topic := range offsetList(a.list("topics")) {
		e := kmsg.NewOffsetFetchRequestGroupTopic()
		e.Topic = topic.Topic
		for _, p := range topic.Partitions {
			e.Partitions = append(e.Partitions, p.Partition)
		}
		req.Topics = append(req.Topics, e)
	}
	w.do(func(t *coordinator.Turn) {
		w.machine.OffsetFetch(t, Caller{Version: int16(a.number("v", 9))}, a.has("stable"), &req, func(r kmsg.OffsetFetchResponseGroup) {
			w.printf("fetched: %s", codeText(r.ErrorCode))
			for _, topic := range r.Topics {
				for _, p := range topic.Partitions {
					w.printf(" %s/%d=%d", topic.Topic, p.Partition, p.Offset)
					if p.LeaderEpoch != -1 || pointed(p.Metadata) != "" {
						w.printf("(%d %q)", p.LeaderEpoch, pointed(p.Metadata))
					}
					if p.ErrorCode != 0 {
						w.printf(" %s", codeText(p.ErrorCode))
					}
				}
			}
			w.printf("\n")
		})
	})
}

func (w *world) offsetDelete(a args) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = a.text("group", "g")
	for _, topic := range offsetList(a.list("topics")) {
		e := kmsg.NewOffsetDeleteRequestTopic()
		e.Topic = topic.Topic
		for _, p := range topic.Partitions {
			e.Partitions = append(e.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: p.Partition})
		}
		req.Topics = append(req.Topics, e)
	}
	w.do(func(t *coordinator.Turn) {
		w.machine.OffsetDelete(t, Caller{}, req, func(r *kmsg.OffsetDeleteResponse) {
			w.printf("offsets deleted: %s", codeText(r.ErrorCode))
			for _, topic := range r.Topics {
				for _, p := range topic.Partitions {
					w.printf(" %s/%d %s", topic.Topic, p.Partition, codeText(p.ErrorCode))
				}
			}
			w.printf("\n")
		})
	})
}

func (w *world) list(a args) {
	w.do(func(t *coordinator.Turn) {
		w.machine.ListGroups(t, a.list("states"), a.list("types"), func(all []kmsg.ListGroupsResponseGroup, code *kerr.Error) {
			if code != nil {
				w.printf("list: %s\n", code.Message)
			}
			for _, g := range all {
				w.printf("%s: %s %s %q\n", g.Group, g.GroupType, g.GroupState, g.ProtocolType)
			}
		})
	})
}

func (w *world) describe(a args) {
	w.do(func(t *coordinator.Turn) {
		w.machine.DescribeGroup(t, Caller{Version: int16(a.number("v", 6))}, a.text("group", "g"), func(r kmsg.DescribeGroupsResponseGroup) {
			w.printf("%s: %s state=%s protocol=%s/%s\n", r.Group, codeText(r.ErrorCode), r.State, r.ProtocolType, r.Protocol)
			for _, m := range r.Members {
				w.printf("  %s instance=%s client=%s host=%s metadata=%s assignment=%q\n", m.MemberID, pointed(m.InstanceID), m.ClientID, m.ClientHost, metadataText(m.ProtocolMetadata), m.MemberAssignment)
			}
		})
	})
}

// write puts offsets of a transaction into the log as the transaction coordinator's client would have, and shows them to the machine.
func (w *world) write(a args) {
	for _, topic := range offsetList(strings.Fields(a.d.Input)) {
		for _, p := range topic.Partitions {
			v := schema.NewOffsetCommit()
			v.Offset, v.CommitTimestamp = p.Offset, w.shard.NowMs
			r := coordinator.Replayed{
				Offset: w.shard.Log.LogEndOffset(), Transactional: true, ProducerID: kafka.ProducerID(a.number("producer", 1)),
				Key: offsetKey(a.text("group", "g"), topic.Topic, p.Partition), Value: valueBytes(schema.OffsetsCommit, v, offsetVersion),
			}
			if err := w.machine.Replay(r); err != nil {
				a.t.Fatal(err)
			}
		}
	}
}

func (w *world) marker(id kafka.ProducerID, commit bool) {
	r := coordinator.Replayed{Offset: w.shard.Log.LogEndOffset(), ProducerID: id, Marker: coordinator.AbortMarker}
	if commit {
		r.Marker = coordinator.CommitMarker
	}
	if err := w.machine.Replay(r); err != nil {
		panic(err)
	}
}

// recordText shows a record of the log.
func recordText(r coordinator.Replayed) string {
	k, err := schema.DecodeOffsetsKey(r.Key)
	if err != nil {
		return err.Error()
	}
	name := fmt.Sprintf("%s group=%s", [...]string{0: "legacy", 1: "offset", 2: "classic", 3: "epoch", 4: "topics", 5: "member", 6: "target-epoch", 7: "target", 8: "current", 16: "regex"}[k.Type], k.Group)
	if k.Member != "" {
		name += " member=" + k.Member
	}
	if k.Topic != "" {
		name += fmt.Sprintf(" %s/%d", k.Topic, k.Partition)
	}
	if k.Regex != "" {
		name += " " + k.Regex
	}
	if r.Value == nil {
		return name + ": tombstone"
	}
	v, version, err := schema.DecodeOffsetsValue(k.Type, r.Value)
	if err != nil {
		return name + ": " + err.Error()
	}
	return fmt.Sprintf("%s: v%d %s", name, version, valueText(v))
}

func valueText(v schema.OffsetsValue) string {
	switch v := v.(type) {
	case *schema.OffsetCommitValue:
		s := fmt.Sprintf("offset=%d at=%d", v.Offset, v.CommitTimestamp)
		if v.LeaderEpoch != -1 {
			s += fmt.Sprintf(" epoch=%d", v.LeaderEpoch)
		}
		if v.Metadata != "" {
			s += fmt.Sprintf(" metadata=%q", v.Metadata)
		}
		if v.ExpireTimestamp != -1 {
			s += fmt.Sprintf(" expires=%d", v.ExpireTimestamp)
		}
		if !v.TopicID.IsZero() {
			s += " with topic id"
		}
		return s
	case *schema.GroupMetadataValue:
		s := fmt.Sprintf("type=%q generation=%d protocol=%s leader=%s since=%d", v.ProtocolType, v.Generation, pointed(v.Protocol), pointed(v.Leader), v.CurrentStateTimestamp)
		for _, m := range v.Members {
			s += fmt.Sprintf(" [%s", m.MemberID)
			if m.InstanceID != nil {
				s += " " + *m.InstanceID
			}
			s += fmt.Sprintf(" %s %s]", metadataText(m.Subscription), assignmentText(m.Assignment))
		}
		return s
	}
	return consumerValueText(v)
}

// checkFold compares what the shard remembers with a replay of its log, for all groups that are not in a rebalance. What was put
// past the log (transactions) is left out.
func (w *world) checkFold(t testing.TB) {
	t.Helper()
	if w.aside {
		return
	}
	again := New(slog.New(slog.DiscardHandler))
	for _, r := range w.shard.Log.Records() {
		if err := again.Replay(r); err != nil {
			t.Fatalf("replay: %v", err)
		}
	}
	for name := range w.machine.names() {
		g := w.machine.classic[name]
		if g != nil && (g.state == preparingRebalance || g.state == completingRebalance || len(g.pending) > 0) {
			continue
		}
		if live, folded := w.machine.durable(name), again.durable(name); live != folded {
			t.Errorf("the shard remembers\n%s\nbut its log says\n%s", live, folded)
		}
	}
}

// durable is what must survive of a group.
func (s *Shard) durable(name string) string {
	var b strings.Builder
	if g := s.classic[name]; g != nil {
		fmt.Fprintf(&b, "%s %s type=%q protocol=%s generation=%d leader=%s\n", name, g.state, g.protocolType, pointed(g.protocol), g.generation, g.leader)
		for _, m := range g.members {
			fmt.Fprintf(&b, "  %s %s %s %s %d %d %q\n", m.id, pointed(m.instance), m.clientID, m.clientHost, m.rebalanceTimeoutMs, m.sessionTimeoutMs, m.assignment)
		}
	}
	if g := s.consumer[name]; g != nil {
		b.WriteString(g.durable())
	}
	for tp, c := range s.offsets[name].each {
		fmt.Fprintf(&b, "  %s %d %d\n", tp, c.Offset, c.at)
	}
	return b.String()
}
