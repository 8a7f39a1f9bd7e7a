package broker_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/broker/brokertest"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// coordinated waits until the coordinator of a group serves.
func coordinated(t *testing.T, c *rawClient, group string) {
	t.Helper()
	eventually(t, "the coordinator serves", func() bool {
		req := kmsg.NewPtrHeartbeatRequest()
		req.Group, req.MemberID = group, "nobody"
		return ask[*kmsg.HeartbeatResponse](c, at(req, 0), false).ErrorCode == kerr.UnknownMemberID.Code
	})
}

// at gives a request a version.
func at[R kmsg.Request](req R, version int16) R {
	req.SetVersion(version)
	return req
}

// joinRaw joins a group at a version, twice where an id is given first.
func joinRaw(t *testing.T, c *rawClient, group string, version int16) *kmsg.JoinGroupResponse {
	t.Helper()
	req := at(kmsg.NewPtrJoinGroupRequest(), version)
	req.Group, req.SessionTimeoutMillis, req.RebalanceTimeoutMillis, req.ProtocolType = group, 30_000, 1000, "consumer"
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte{0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0}
	req.Protocols = append(req.Protocols, p)
	resp := ask[*kmsg.JoinGroupResponse](c, req, version >= 6)
	if version >= 4 {
		if resp.ErrorCode != kerr.MemberIDRequired.Code || resp.MemberID == "" {
			t.Fatalf("v%d: %+v", version, resp)
		}
		req.MemberID = resp.MemberID
		resp = ask[*kmsg.JoinGroupResponse](c, req, version >= 6)
	}
	if resp.ErrorCode != 0 || resp.LeaderID != resp.MemberID || len(resp.Members) != 1 {
		t.Fatalf("v%d: %+v", version, resp)
	}
	return resp
}

// TestGroupAPIsAtEveryVersion leads a group through its life over the wire, with every version of every API.
func TestGroupAPIsAtEveryVersion(t *testing.T) {
	b := brokertest.Start(t, quick(), brokertest.WithProperty("offsets.topic.num.partitions", "1"))
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "t")
	find := at(kmsg.NewPtrFindCoordinatorRequest(), 3)
	find.CoordinatorKey = "g"
	eventually(t, "the coordinator is found", func() bool { return ask[*kmsg.FindCoordinatorResponse](c, find, true).ErrorCode == 0 })
	coordinated(t, c, "g")
	for v := int16(0); v <= 10; v++ {
		cap := func(highest int16) int16 { return min(v, highest) }
		group := fmt.Sprintf("g-%d", v)
		joined := joinRaw(t, c, group, cap(9))

		sync := at(kmsg.NewPtrSyncGroupRequest(), cap(5))
		sync.Group, sync.MemberID, sync.Generation = group, joined.MemberID, joined.Generation
		if v >= 5 {
			sync.ProtocolType, sync.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
		}
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = joined.MemberID, []byte("mine")
		sync.GroupAssignment = append(sync.GroupAssignment, a)
		if resp := ask[*kmsg.SyncGroupResponse](c, sync, cap(5) >= 4); resp.ErrorCode != 0 || string(resp.MemberAssignment) != "mine" {
			t.Errorf("v%d: %+v", v, resp)
		}

		beat := at(kmsg.NewPtrHeartbeatRequest(), cap(4))
		beat.Group, beat.MemberID, beat.Generation = group, joined.MemberID, joined.Generation
		if resp := ask[*kmsg.HeartbeatResponse](c, beat, cap(4) >= 4); resp.ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, resp)
		}

		if got := commitRaw(c, max(v, 2), group, joined, "t", id, 0, int64(100+v)); got != 0 {
			t.Errorf("v%d: commit %d", v, got)
		}
		if got, code := fetchRaw(c, max(v, 1), group, "t", id); code != 0 || got != int64(100+v) {
			t.Errorf("v%d: fetched %d, error %d", v, got, code)
		}

		describe := at(kmsg.NewPtrDescribeGroupsRequest(), cap(6))
		describe.Groups, describe.IncludeAuthorizedOperations = []string{group, "unknown"}, v >= 3
		resp := ask[*kmsg.DescribeGroupsResponse](c, describe, cap(6) >= 5)
		if d := resp.Groups[0]; len(resp.Groups) != 2 || d.State != "Stable" || len(d.Members) != 1 || d.Members[0].ClientHost != "/127.0.0.1" ||
			d.Members[0].ClientID != "raw" || v >= 3 && d.AuthorizedOperations != 1<<3|1<<6|1<<8|1<<10|1<<11 {
			t.Errorf("v%d: %+v", v, resp)
		}

		list := at(kmsg.NewPtrListGroupsRequest(), cap(5))
		listed := ask[*kmsg.ListGroupsResponse](c, list, cap(5) >= 3)
		if n := slices.IndexFunc(listed.Groups, func(g kmsg.ListGroupsResponseGroup) bool { return g.Group == group }); n < 0 || listed.ErrorCode != 0 ||
			v >= 4 && listed.Groups[n].GroupState != "Stable" || v >= 5 && listed.Groups[n].GroupType != "classic" {
			t.Errorf("v%d: %+v", v, listed)
		}

		remove := at(kmsg.NewPtrDeleteGroupsRequest(), cap(3))
		remove.Groups = []string{group, group}
		if resp := ask[*kmsg.DeleteGroupsResponse](c, remove, cap(3) >= 2); len(resp.Groups) != 1 || resp.Groups[0].ErrorCode != kerr.NonEmptyGroup.Code {
			t.Errorf("v%d: %+v", v, resp)
		}

		leave := at(kmsg.NewPtrLeaveGroupRequest(), cap(5))
		leave.Group, leave.MemberID = group, joined.MemberID
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = joined.MemberID
		leave.Members = append(leave.Members, m)
		if resp := ask[*kmsg.LeaveGroupResponse](c, leave, cap(5) >= 4); resp.ErrorCode != 0 || v >= 3 && resp.Members[0].ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, resp)
		}

		forget := kmsg.NewPtrOffsetDeleteRequest()
		forget.Group = group
		for _, topic := range []string{"t", "unknown"} {
			e, p := kmsg.NewOffsetDeleteRequestTopic(), kmsg.NewOffsetDeleteRequestTopicPartition()
			e.Topic, e.Partitions = topic, append(e.Partitions, p)
			forget.Topics = append(forget.Topics, e)
		}
		gone := ask[*kmsg.OffsetDeleteResponse](c, forget, false)
		if gone.ErrorCode != 0 || len(gone.Topics) != 2 || gone.Topics[0].Partitions[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || gone.Topics[1].Partitions[0].ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, gone)
		}
		if got, code := fetchRaw(c, max(v, 1), group, "t", id); code != 0 || got != -1 {
			t.Errorf("v%d: fetched %d, error %d after the deletion", v, got, code)
		}
		if resp := ask[*kmsg.DeleteGroupsResponse](c, remove, cap(3) >= 2); resp.Groups[0].ErrorCode != 0 {
			t.Errorf("v%d: %+v", v, resp)
		}
	}
}

// commitRaw commits one offset and returns the error code. joined may be nil.
func commitRaw(c *rawClient, version int16, group string, joined *kmsg.JoinGroupResponse, topic string, id [16]byte, partition int32, offset int64) int16 {
	req := at(kmsg.NewPtrOffsetCommitRequest(), version)
	req.Group, req.Generation, req.RetentionTimeMillis = group, -1, -1
	if joined != nil {
		req.MemberID, req.Generation = joined.MemberID, joined.Generation
	}
	e, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	e.Topic, e.TopicID, p.Partition, p.Offset, p.Metadata = topic, id, partition, offset, kmsg.StringPtr("m")
	e.Partitions = append(e.Partitions, p)
	req.Topics = append(req.Topics, e)
	return ask[*kmsg.OffsetCommitResponse](c, req, version >= 8).Topics[0].Partitions[0].ErrorCode
}

// fetchRaw fetches the committed offset of partition 0, at a version.
func fetchRaw(c *rawClient, version int16, group, topic string, id [16]byte) (offset int64, code int16) {
	req := at(kmsg.NewPtrOffsetFetchRequest(), version)
	if version >= 8 {
		g, e := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
		e.Topic, e.TopicID, e.Partitions = topic, id, []int32{0}
		g.Group, g.Topics = group, append(g.Topics, e)
		req.Groups = append(req.Groups, g)
		resp := ask[*kmsg.OffsetFetchResponse](c, req, true).Groups[0]
		if resp.ErrorCode != 0 {
			return -1, resp.ErrorCode
		}
		return resp.Topics[0].Partitions[0].Offset, resp.Topics[0].Partitions[0].ErrorCode
	}
	e := kmsg.NewOffsetFetchRequestTopic()
	e.Topic, e.Partitions = topic, []int32{0}
	req.Group, req.Topics = group, append(req.Topics, e)
	resp := ask[*kmsg.OffsetFetchResponse](c, req, version >= 6)
	if resp.ErrorCode != 0 {
		return -1, resp.ErrorCode
	}
	return resp.Topics[0].Partitions[0].Offset, resp.Topics[0].Partitions[0].ErrorCode
}

// TestPoint106UnknownTopics: what is not there cannot be committed; by version 10 an unknown id is told from an unknown
// partition. The other partitions of the request are committed.
func TestPoint106UnknownTopics(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t, quick(), brokertest.WithProperty("offsets.topic.num.partitions", "1")).Addr())
	id := createTopic(t, c, "t")
	commitRaw(c, 2, "g", nil, "t", id, 0, 1)
	coordinated(t, c, "g")
	f := func(version int16, topic string, id [16]byte, partition int32, want *kerr.Error) {
		t.Helper()
		code := int16(0)
		if want != nil {
			code = want.Code
		}
		if got := commitRaw(c, version, "g", nil, topic, id, partition, 7); got != code {
			t.Errorf("v%d: error %d, want %d", version, got, code)
		}
	}
	for v := int16(2); v <= 10; v++ {
		f(v, "t", id, 0, nil)
		f(v, "t", id, 1, kerr.UnknownTopicOrPartition)
		f(v, "t", id, -1, kerr.UnknownTopicOrPartition)
		if v < 10 {
			f(v, "u", id, 0, kerr.UnknownTopicOrPartition)
		} else {
			f(v, "t", [16]byte{1, 2, 3}, 0, kerr.UnknownTopicID)
		}
	}
}

// TestPoint108OffsetFetch: an unknown group or partition has offset -1, epoch -1, empty metadata and no error; null topics are
// all; several groups at once.
func TestPoint108OffsetFetch(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t, quick(), brokertest.WithProperty("offsets.topic.num.partitions", "1")).Addr())
	id := createTopic(t, c, "t")
	commitRaw(c, 2, "g", nil, "t", id, 0, 1)
	coordinated(t, c, "g")
	for _, group := range []string{"g", "h"} {
		if code := commitRaw(c, 9, group, nil, "t", id, 0, 5); code != 0 {
			t.Fatalf("error %d", code)
		}
	}
	for v := int16(1); v <= 10; v++ {
		if offset, code := fetchRaw(c, v, "unknown", "t", id); offset != -1 || code != 0 {
			t.Errorf("v%d: offset %d, error %d", v, offset, code)
		}
	}
	req := at(kmsg.NewPtrOffsetFetchRequest(), 9)
	for _, group := range []string{"h", "unknown", "g"} {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = group
		req.Groups = append(req.Groups, g)
	}
	resp := ask[*kmsg.OffsetFetchResponse](c, req, true)
	if len(resp.Groups) != 3 || resp.Groups[0].Group != "h" || len(resp.Groups[1].Topics) != 0 || resp.Groups[1].ErrorCode != 0 ||
		len(resp.Groups[2].Topics) != 1 || resp.Groups[2].Topics[0].Partitions[0].Offset != 5 || *resp.Groups[2].Topics[0].Partitions[0].Metadata != "m" {
		t.Errorf("%+v", resp)
	}
	first := at(kmsg.NewPtrOffsetFetchRequest(), 2) // null topics, one group
	first.Group = "g"
	if resp := ask[*kmsg.OffsetFetchResponse](c, first, false); len(resp.Topics) != 1 {
		t.Errorf("%+v", resp)
	}
	unknown := at(kmsg.NewPtrOffsetFetchRequest(), 10)
	g, e := kmsg.NewOffsetFetchRequestGroup(), kmsg.NewOffsetFetchRequestGroupTopic()
	e.TopicID, e.Partitions = [16]byte{9, 9}, []int32{3}
	g.Group, g.Topics = "g", append(g.Topics, e)
	unknown.Groups = append(unknown.Groups, g)
	if p := ask[*kmsg.OffsetFetchResponse](c, unknown, true).Groups[0].Topics[0].Partitions[0]; p.ErrorCode != kerr.UnknownTopicID.Code || p.Offset != -1 || p.Partition != 3 {
		t.Errorf("%+v", p)
	}
}

// TestPoint111Coordinator: while the internal topic is missing, COORDINATOR_NOT_AVAILABLE, and the broker creates it, as Kafka
// would; while it is loaded, COORDINATOR_LOAD_IN_PROGRESS; nothing else is ever said before the coordinator serves.
func TestPoint111Coordinator(t *testing.T) {
	c := dialRaw(t, brokertest.Start(t, quick(), brokertest.WithProperty("offsets.topic.num.partitions", "7"), brokertest.WithProperty("auto.create.topics.enable", "false")).Addr())
	find := at(kmsg.NewPtrFindCoordinatorRequest(), 6)
	find.CoordinatorKeys = []string{"g", "h"}
	resp := ask[*kmsg.FindCoordinatorResponse](c, find, true)
	if len(resp.Coordinators) != 2 || resp.Coordinators[0].ErrorCode != kerr.CoordinatorNotAvailable.Code || resp.Coordinators[0].NodeID != -1 {
		t.Errorf("%+v", resp)
	}
	var said []int16
	beat := kmsg.NewPtrHeartbeatRequest() // success while it is loaded
	beat.Group, beat.MemberID = "g", "nobody"
	eventually(t, "the coordinator serves", func() bool {
		code := ask[*kmsg.HeartbeatResponse](c, at(beat, 0), false).ErrorCode
		if !slices.Contains(said, code) {
			said = append(said, code)
		}
		return code == kerr.UnknownMemberID.Code
	})
	for _, code := range said {
		if !slices.Contains([]int16{0, kerr.CoordinatorNotAvailable.Code, kerr.NotCoordinator.Code, kerr.UnknownMemberID.Code}, code) {
			t.Errorf("said %v", kerr.ErrorForCode(code))
		}
	}
	resp = ask[*kmsg.FindCoordinatorResponse](c, find, true)
	if resp.Coordinators[0].ErrorCode != 0 || resp.Coordinators[0].NodeID != 1 || resp.Coordinators[0].Host != "127.0.0.1" {
		t.Errorf("%+v", resp)
	}
	topic := metadataFor(c, 12, false, named("__consumer_offsets")).Topics[0]
	if len(topic.Partitions) != 7 || !topic.IsInternal || len(topic.Partitions[0].Replicas) != 1 {
		t.Errorf("%+v", topic)
	}
	describe := at(kmsg.NewPtrDescribeConfigsRequest(), 4)
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.ConfigNames = kmsg.ConfigResourceTypeTopic, "__consumer_offsets", []string{"cleanup.policy", "segment.bytes", "compression.type"}
	describe.Resources = append(describe.Resources, r)
	values := map[string]string{}
	for _, e := range ask[*kmsg.DescribeConfigsResponse](c, describe, true).Resources[0].Configs {
		values[e.Name] = *e.Value
	}
	if values["cleanup.policy"] != "compact" || values["segment.bytes"] != "104857600" || values["compression.type"] != "producer" {
		t.Errorf("%v", values)
	}
}

// TestPoint112Records: what a consumer reads from __consumer_offsets is Kafka's records, byte for byte (the codecs are compared
// with bytes that Kafka wrote in kafka/schema).
func TestPoint112Records(t *testing.T) {
	b := brokertest.Start(t, quick(), brokertest.WithProperty("offsets.topic.num.partitions", "1"))
	c := dialRaw(t, b.Addr())
	id := createTopic(t, c, "t")
	commitRaw(c, 2, "g", nil, "t", id, 0, 1)
	coordinated(t, c, "g")
	before := time.Now().UnixMilli()
	if code := commitRaw(c, 9, "g", nil, "t", id, 0, 42); code != 0 {
		t.Fatalf("error %d", code)
	}
	var keys []string
	records := checkFetched(t, 12, c.call(fetchFrame("__consumer_offsets", [16]byte{}, 12, 0, 1<<20, 0)))
	for rest := records; len(rest) > 0; {
		var one batch.Batch
		var err error
		if one, rest, err = batch.Next(rest); err != nil {
			t.Fatal(err)
		}
		it := batch.IterateRecords(one.Payload(), one.NumRecords())
		for it.Next() {
			r := it.Record()
			keys = append(keys, fmt.Sprintf("%q", r.Key))
			if !bytes.HasPrefix(r.Key, []byte{0, 1}) {
				continue
			}
			v, _, err := schema.DecodeOffsetsValue(schema.OffsetsCommit, r.Value)
			commit, ok := v.(*schema.OffsetCommitValue)
			if err != nil || !ok || binary.BigEndian.Uint16(r.Value) != 4 || commit.Offset != 42 || commit.TopicID != id || commit.Metadata != "m" || commit.CommitTimestamp < before {
				t.Errorf("%+v, %v", v, err)
			}
		}
	}
	want := `"\x00\x01\x00\x01g\x00\x01t\x00\x00\x00\x00"`
	if !slices.Contains(keys, want) {
		t.Errorf("keys %s, want %s", strings.Join(keys, " "), want)
	}
}
