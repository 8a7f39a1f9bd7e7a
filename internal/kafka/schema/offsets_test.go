package schema

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

type offsetsGolden struct {
	name       string
	key, value []byte // value nil: tombstone
}

func offsetsGoldens(t testing.TB) []offsetsGolden {
	file, err := os.ReadFile("testdata/offsets-records.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []offsetsGolden
	for line := range strings.Lines(string(file)) {
		f := strings.Fields(line)
		g := offsetsGolden{name: f[0]}
		g.key, err = hex.DecodeString(f[1])
		if err == nil && f[2] != "-" {
			g.value, err = hex.DecodeString(f[2])
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

// offsetsSample is a record as testdata/gen-offsets writes it.
type offsetsSample struct {
	key     OffsetsKey
	value   OffsetsValue // nil: tombstone
	version int16
}

func commitSample(version int16) offsetsSample {
	v := NewOffsetCommit()
	v.Offset, v.Metadata, v.CommitTimestamp = 42, "mé", 1234567890123
	if version == 1 {
		v.ExpireTimestamp = 1234567990123
	}
	if version >= 3 {
		v.LeaderEpoch = 5
	}
	if version >= 4 {
		v.TopicID = topicID
	}
	return offsetsSample{OffsetsKey{Type: OffsetsCommit, Group: "g", Topic: "orders", Partition: 7}, v, version}
}

func groupSample(version int16) offsetsSample {
	v := &GroupMetadataValue{ProtocolType: "consumer", Generation: 3, Protocol: text("range"), Leader: text("m1"), CurrentStateTimestamp: -1,
		Members: []GroupMember{
			{MemberID: "m1", ClientID: "c", ClientHost: "/127.0.0.1", RebalanceTimeoutMs: -1, SessionTimeoutMs: 45000, Subscription: []byte{1, 2}, Assignment: []byte{3}},
			{MemberID: "m2", RebalanceTimeoutMs: -1, SessionTimeoutMs: 6000},
		}}
	if version >= 1 {
		v.Members[0].RebalanceTimeoutMs, v.Members[1].RebalanceTimeoutMs = 300000, 1
	}
	if version >= 2 {
		v.CurrentStateTimestamp = 1234567890123
	}
	if version >= 3 {
		v.Members[0].InstanceID = text("i1")
	}
	return offsetsSample{OffsetsKey{Type: OffsetsGroupMetadata, Group: "grüße"}, v, version}
}

func offsetsSamples() []offsetsSample {
	commit, group := commitSample(0).key, groupSample(0).key
	plain := &OffsetCommitValue{CommitTimestamp: 1, LeaderEpoch: -1, ExpireTimestamp: -1}
	legacy := &OffsetCommitValue{Offset: 42, Metadata: "m", CommitTimestamp: 9, LeaderEpoch: -1, ExpireTimestamp: -1}
	epoch := OffsetsKey{Type: OffsetsConsumerGroupEpoch, Group: "g"}
	member := OffsetsKey{Type: OffsetsConsumerMember, Group: "g", Member: "m"}
	target := OffsetsKey{Type: OffsetsConsumerTargetEpoch, Group: "g"}
	current := OffsetsKey{Type: OffsetsConsumerCurrentAssignment, Group: "g", Member: "m"}
	return []offsetsSample{
		{OffsetsKey{Type: OffsetsLegacyCommit, Group: "g", Topic: "t", Partition: 1}, legacy, 0},
		commitSample(0), commitSample(1), commitSample(2), commitSample(3), commitSample(4),
		{commit, plain, 4},
		{key: commit},
		groupSample(0), groupSample(1), groupSample(2), groupSample(3), groupSample(4),
		{group, &GroupMetadataValue{CurrentStateTimestamp: 77}, 3},
		{key: group},
		{epoch, &ConsumerGroupEpochValue{Epoch: 9, MetadataHash: 0x1122334455667788}, 0},
		{epoch, &ConsumerGroupEpochValue{Epoch: 9}, 0},
		{OffsetsKey{Type: OffsetsConsumerPartitionMetadata, Group: "g"}, &ConsumerPartitionMetadataValue{Topics: []ConsumerTopicMetadata{
			{TopicID: topicID, TopicName: "t", NumPartitions: 2, Racks: []ConsumerPartitionRacks{{Partition: 1, Racks: []string{"a", "b"}}}}}}, 0},
		{member, &ConsumerMemberValue{InstanceID: text("i"), RackID: text("r"), ClientID: "c", ClientHost: "/::1", SubscribedTopics: []string{"a", "b"},
			SubscribedRegex: text("x.*"), RebalanceTimeoutMs: 5000, ServerAssignor: text("range"),
			Classic: &ClassicMemberMetadata{SessionTimeoutMs: 45000, Protocols: []ClassicProtocol{{Name: "range", Metadata: []byte{1, 2, 3}}}}}, 0},
		{member, &ConsumerMemberValue{RebalanceTimeoutMs: -1}, 0},
		{target, &ConsumerTargetEpochValue{AssignmentEpoch: 4, AssignmentTimestamp: 1234567890123}, 0},
		{target, &ConsumerTargetEpochValue{AssignmentEpoch: 4}, 0},
		{OffsetsKey{Type: OffsetsConsumerTargetMember, Group: "g", Member: "m"},
			&ConsumerTargetMemberValue{Partitions: []AssignedTopic{{TopicID: topicID, Partitions: []int32{0, 2, 4}}}}, 0},
		{current, &ConsumerCurrentAssignmentValue{MemberEpoch: 8, PreviousMemberEpoch: 7, State: 1,
			Assigned:          []AssignedTopic{{TopicID: topicID, Partitions: []int32{0, 1}, Epochs: []int32{3, 8}}},
			PendingRevocation: []AssignedTopic{{TopicID: topicID, Partitions: []int32{2}}}}, 0},
		{current, &ConsumerCurrentAssignmentValue{MemberEpoch: -2, PreviousMemberEpoch: -1}, 0},
		{OffsetsKey{Type: OffsetsConsumerRegularExpression, Group: "g", Regex: "x.*"},
			&ConsumerRegularExpressionValue{Topics: []string{"xa", "xb"}, Version: 12, Timestamp: 34}, 0},
	}
}

// TestKafkaOffsetsBytes compares with bytes that Apache Kafka wrote, in both directions.
func TestKafkaOffsetsBytes(t *testing.T) {
	all, want := offsetsGoldens(t), offsetsSamples()
	if len(all) != len(want)+1 {
		t.Fatalf("%d golden records, %d samples and one of a share group", len(all), len(want))
	}
	for i, s := range want {
		g := all[i]
		if k, err := DecodeOffsetsKey(g.key); err != nil || k != s.key {
			t.Errorf("%s: decoded key %+v, want %+v (%v)", g.name, k, s.key, err)
		}
		if b, err := AppendOffsetsKey([]byte("before"), s.key); err != nil || !bytes.Equal(b, append([]byte("before"), g.key...)) {
			t.Errorf("%s: encoded key %x, want %x (%v)", g.name, b, g.key, err)
		}
		if (s.value == nil) != (g.value == nil) {
			t.Errorf("%s: sample and golden bytes disagree on the tombstone", g.name)
		}
		if s.value == nil {
			continue
		}
		if v, version, err := DecodeOffsetsValue(s.key.Type, g.value); err != nil || version != s.version || !reflect.DeepEqual(v, s.value) {
			t.Errorf("%s v%d: decoded version %d\n%+v, want\n%+v (%v)", g.name, s.version, version, v, s.value, err)
		}
		if b, err := AppendOffsetsValue([]byte("before"), s.key.Type, s.value, s.version); err != nil || !bytes.Equal(b, append([]byte("before"), g.value...)) {
			t.Errorf("%s v%d: encoded %x, want %x (%v)", g.name, s.version, b, g.value, err)
		}
	}
	share := all[len(want)]
	if k, err := DecodeOffsetsKey(share.key); !errors.Is(err, ErrUnknownType) || k != (OffsetsKey{Type: 11}) {
		t.Errorf("key of a share group: %+v, %v", k, err)
	}
}

// TestHostileOffsetsBytes: what is cut off, left over, too large or of a version to come is
// refused, and what cannot be written is not.
func TestHostileOffsetsBytes(t *testing.T) {
	for i, s := range offsetsSamples() {
		g := offsetsGoldens(t)[i]
		for n := range g.key {
			if _, err := DecodeOffsetsKey(g.key[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("key of %s cut to %d bytes: %v", g.name, n, err)
			}
		}
		if _, err := DecodeOffsetsKey(append(bytes.Clone(g.key), 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("key of %s with a byte more: %v", g.name, err)
		}
		for n := range g.value {
			if _, _, err := DecodeOffsetsValue(s.key.Type, g.value[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s cut to %d bytes: %v", g.name, n, err)
			}
		}
		if g.value == nil {
			continue
		}
		if _, _, err := DecodeOffsetsValue(s.key.Type, append(bytes.Clone(g.value), 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s with a byte more: %v", g.name, err)
		}
		newest, _ := newestOffsetsVersion(s.key.Type)
		for _, version := range []int16{-1, newest + 1} {
			next := append([]byte{byte(version >> 8), byte(version)}, g.value[2:]...)
			if _, _, err := DecodeOffsetsValue(s.key.Type, next); !errors.Is(err, ErrVersion) {
				t.Errorf("%s as version %d: %v", g.name, version, err)
			}
			if b, err := AppendOffsetsValue(nil, s.key.Type, s.value, version); !errors.Is(err, ErrVersion) || b != nil {
				t.Errorf("%s written as version %d: %x, %v", g.name, version, b, err)
			}
		}
	}
	long := strings.Repeat("x", 1<<15)
	if b, err := AppendOffsetsKey(nil, OffsetsKey{Type: OffsetsGroupMetadata, Group: long}); !errors.Is(err, ErrCorrupt) || b != nil {
		t.Errorf("group name of 32 KiB: %d bytes, %v", len(b), err)
	}
	if b, err := AppendOffsetsKey(nil, OffsetsKey{Type: 11}); !errors.Is(err, ErrUnknownType) || b != nil {
		t.Errorf("key of a share group: %x, %v", b, err)
	}
	f := func(kind OffsetsType, in string) {
		t.Helper()
		value, _ := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
		var err error
		if n := testing.AllocsPerRun(1, func() { _, _, err = DecodeOffsetsValue(kind, value) }); !errors.Is(err, ErrCorrupt) || n > 40 {
			t.Errorf("%s: %v, %v allocations", in, err, n)
		}
	}
	f(OffsetsGroupMetadata, "0003 0000 00000000 ffff ffff 0000000000000000 7fffffff")          // 2 Gi members
	f(OffsetsGroupMetadata, "0003 0000 00000000 ffff ffff 0000000000000000 fffffffe")          // -2 members
	f(OffsetsGroupMetadata, "0003 fffe 00000000 ffff ffff 0000000000000000 00000000")          // string of -2 bytes
	f(OffsetsGroupMetadata, "0003 ffff 00000000 ffff ffff 0000000000000000 00000000")          // null string
	f(OffsetsConsumerTargetMember, "0000 ffffffff0f")                                          // 4 Gi topics
	f(OffsetsConsumerTargetMember, "0000 02"+strings.Repeat("00", 16)+"ffffff7f"+"0000000000") // 256 Mi partitions
}

func FuzzOffsetsKey(f *testing.F) {
	for _, g := range offsetsGoldens(f) {
		f.Add(g.key)
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		k, err := DecodeOffsetsKey(key)
		if err != nil {
			return
		}
		if back, err := AppendOffsetsKey(nil, k); err != nil || !bytes.Equal(back, key) {
			t.Fatalf("%x became %+v and then %x (%v)", key, k, back, err)
		}
	})
}

func FuzzOffsetsValue(f *testing.F) {
	samples := offsetsSamples()
	for i, g := range offsetsGoldens(f)[:len(samples)] {
		f.Add(int16(samples[i].key.Type), g.value)
	}
	f.Fuzz(func(t *testing.T, kind int16, value []byte) {
		v, version, err := DecodeOffsetsValue(OffsetsType(kind), value)
		if err != nil {
			return
		}
		back, err := AppendOffsetsValue(nil, OffsetsType(kind), v, version)
		if err != nil || len(back) > len(value) {
			t.Fatalf("%x (%+v) became %x (%v)", value, v, back, err)
		}
		again, _, err := DecodeOffsetsValue(OffsetsType(kind), back)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%+v became %+v (%v)", v, again, err)
		}
	})
}
