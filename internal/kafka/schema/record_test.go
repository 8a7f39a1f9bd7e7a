package schema

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

var (
	topicID = kafka.TopicID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	dir1    = kafka.UUID{0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20}
	dir2    = kafka.UUID{0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30}
)

func text(s string) *string                       { return &s }
func ids(list ...kafka.BrokerID) []kafka.BrokerID { return append([]kafka.BrokerID{}, list...) }

func brokerRecord(version int16) *RegisterBrokerRecord {
	r := &RegisterBrokerRecord{
		BrokerID: 3, IncarnationID: dir2, BrokerEpoch: 1234567890123, Rack: text("rack-a"), Fenced: true,
		Endpoints: []BrokerEndpoint{{Name: "PLAINTEXT", Host: "localhost", Port: 9092}, {Name: "TLS", Host: "broker.example", Port: 65535, SecurityProtocol: 1}},
		Features:  []BrokerFeature{{Name: "metadata.version", MinSupportedVersion: 7, MaxSupportedVersion: 30}},
	}
	r.InControlledShutdown, r.IsMigratingZkBroker = version >= 1, version >= 2
	if version >= 3 {
		r.LogDirs = []kafka.UUID{dir1, dir2}
	}
	if version >= 4 {
		r.CordonedLogDirs = []kafka.UUID{dir2}
	}
	return r
}

func partitionRecord(version int16) *PartitionRecord {
	r := &PartitionRecord{
		PartitionID: 7, TopicID: topicID, Replicas: ids(1, 2, 3), ISR: ids(1, 3), RemovingReplicas: ids(2), AddingReplicas: ids(3),
		Leader: 1, LeaderRecoveryState: 1, LeaderEpoch: 5, PartitionEpoch: 9,
	}
	if version >= 1 {
		r.Directories = []kafka.UUID{dir1, dir2, dir1}
	}
	if version >= 2 {
		r.EligibleLeaderReplicas, r.LastKnownELR = ids(2), ids()
	}
	return r
}

func changeRecord(version int16) *PartitionChangeRecord {
	r := NewPartitionChange()
	r.PartitionID, r.TopicID, r.ISR, r.Leader = 7, topicID, ids(1), -1
	r.Replicas, r.RemovingReplicas, r.AddingReplicas, r.LeaderRecoveryState = ids(1, 2), ids(), ids(4), 0
	if version >= 1 {
		r.Directories = []kafka.UUID{dir1, dir2}
	}
	if version >= 2 {
		r.EligibleLeaderReplicas, r.LastKnownELR = ids(3), ids(2)
	}
	return r
}

func changeOf(edit func(*PartitionChangeRecord)) *PartitionChangeRecord {
	r := NewPartitionChange()
	r.TopicID = topicID
	edit(r)
	return r
}

// samples are the records that testdata/gen writes, in its order.
func samples() []Record {
	return []Record{
		brokerRecord(0), brokerRecord(1), brokerRecord(2), brokerRecord(3), brokerRecord(4),
		&RegisterBrokerRecord{IncarnationID: dir1},
		&RegisterBrokerRecord{IncarnationID: dir1, Fenced: true, Rack: text(""), CordonedLogDirs: []kafka.UUID{}},
		&UnregisterBrokerRecord{BrokerID: 3, BrokerEpoch: 42},
		&TopicRecord{Name: "orders", TopicID: topicID},
		&TopicRecord{Name: strings.Repeat("x", 249), TopicID: topicID},
		partitionRecord(0), partitionRecord(1), partitionRecord(2),
		&PartitionRecord{TopicID: topicID, Replicas: ids(1), ISR: ids(1), Leader: 1, Directories: []kafka.UUID{dir1}},
		&ConfigRecord{ResourceType: ResourceTopic, ResourceName: "orders", Name: "retention.ms", Value: text("1000")},
		&ConfigRecord{ResourceType: ResourceBroker, Name: "x"},
		&ConfigRecord{ResourceType: ResourceTopic, ResourceName: "t", Name: "cleanup.policy", Value: text("")},
		changeRecord(0), changeRecord(1), changeRecord(2),
		changeOf(func(*PartitionChangeRecord) {}),
		changeOf(func(r *PartitionChangeRecord) { r.PartitionID, r.Leader, r.EligibleLeaderReplicas = 1, 2, ids() }),
		&FenceBrokerRecord{ID: 3, Epoch: 42},
		&UnfenceBrokerRecord{ID: 3, Epoch: 42},
		&RemoveTopicRecord{TopicID: topicID},
		&FeatureLevelRecord{Name: "metadata.version", FeatureLevel: 30},
		&ProducerIDsRecord{BrokerID: 1, BrokerEpoch: 8, NextProducerID: 2000},
		&BrokerRegistrationChangeRecord{BrokerID: 3, BrokerEpoch: 42, Fenced: Unfence},
		&BrokerRegistrationChangeRecord{BrokerID: 3, BrokerEpoch: 42, InControlledShutdown: InControlledShutdown},
		&BrokerRegistrationChangeRecord{BrokerID: 3, BrokerEpoch: 42, Fenced: Fence, LogDirs: []kafka.UUID{dir1}},
		&BrokerRegistrationChangeRecord{BrokerID: 3, BrokerEpoch: 42, CordonedLogDirs: []kafka.UUID{dir1, dir2}},
		&NoOpRecord{},
		&BeginTransactionRecord{Name: text("bootstrap")},
		&BeginTransactionRecord{},
		&EndTransactionRecord{},
		&AbortTransactionRecord{Reason: text("why")},
		&ClearElrRecord{TopicName: "orders"},
		nil, // opaque
		&ClientQuotaRecord{Entity: []QuotaEntityPart{{Type: QuotaUser}}, Quota: "producer_byte_rate", Value: 1024.5},
	}
}

type golden struct {
	name    string
	version int16
	value   []byte
}

func goldens(t testing.TB) []golden {
	file, err := os.ReadFile("testdata/metadata-records.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	for line := range strings.Lines(string(file)) {
		f := strings.Fields(line)
		value, err := hex.DecodeString(f[2])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, golden{f[0], int16(f[1][0] - '0'), value})
	}
	return all
}

// TestKafkaBytes compares with bytes that Apache Kafka wrote: our encoding of the same record is
// the same, and its decoding is the record.
func TestKafkaBytes(t *testing.T) {
	want := samples()
	all := goldens(t)
	if len(all) != len(want) {
		t.Fatalf("%d golden records, %d samples", len(all), len(want))
	}
	for i, g := range all {
		got, version, err := Decode(g.value)
		if err != nil || version != g.version {
			t.Errorf("%s v%d: decoded version %d, %v", g.name, g.version, version, err)
			continue
		}
		if want[i] == nil {
			if o, ok := got.(*Opaque); !ok || o.Type != Key(g.value[1]) {
				t.Errorf("%s: %#v is not opaque", g.name, got)
			}
		} else if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s v%d: decoded\n%+v, want\n%+v", g.name, g.version, got, want[i])
		}
		if want[i] != nil {
			got = want[i]
		}
		back, err := Append([]byte("before"), got, version)
		if err != nil || !bytes.Equal(back, append([]byte("before"), g.value...)) {
			t.Errorf("%s v%d: encoded %x, want %x (%v)", g.name, g.version, back, g.value, err)
		}
	}
}

// TestUnknownTags: tagged fields of a newer Kafka survive, also between known ones, also in a
// version whose successor knows them, in order of number.
func TestUnknownTags(t *testing.T) {
	f := func(name, in string) {
		t.Helper()
		value, err := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		r, version, err := Decode(value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if back, err := Append(nil, r, version); err != nil || !bytes.Equal(back, value) {
			t.Errorf("%s: %x, want %x (%v)", name, back, value, err)
		}
	}
	f("at the end", "01 14 00 01 05 02 aabb")
	f("before a known field", "01 05 02 00000001 "+strings.Repeat("00", 16)+"03 01 04 00000002 05 01 01 63 00")
	f("between known fields, after", "01 05 01 00000001 "+strings.Repeat("00", 16)+"04 01 04 00000002 06 01 01 07 01 01 09 01 ff")
	f("newer version", "01 05 09 aabbcc")
	f("newer type", "01 7f 00 aabbcc")
	f("in an element", "01 00 00 00000001"+strings.Repeat("00", 24)+"02 02 61 02 62 0001 0000 01 00 02 aabb 01 00 00 00")
}

// TestHostileBytes: what is cut off, left over or too large is refused.
func TestHostileBytes(t *testing.T) {
	for _, g := range goldens(t) {
		if strings.HasPrefix(g.name, "opaque") {
			continue
		}
		for n := range g.value {
			if _, _, err := Decode(g.value[:n]); !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s cut to %d of %d bytes: %v", g.name, n, len(g.value), err)
			}
		}
		if _, _, err := Decode(append(g.value[:len(g.value):len(g.value)], 0)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s with a byte more: %v", g.name, err)
		}
	}
	f := func(in string) {
		t.Helper()
		value, _ := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
		var err error
		if n := testing.AllocsPerRun(1, func() { _, _, err = Decode(value) }); !errors.Is(err, ErrCorrupt) || n > 40 {
			t.Errorf("%s: %v, %v allocations", in, err, n)
		}
	}
	f("")
	f("02 02 00")                                                  // frame version
	f("01 80808080 10 00")                                         // key beyond 16 bits
	f("01 02 00 00")                                               // null string
	f("01 02 00 ffffffff0f 61")                                    // string of 4 GiB
	f("01 02 00 ffffffffff0f 61")                                  // varint too long
	f("01 03 00 00000000" + strings.Repeat("00", 16) + "ffffff7f") // array of 256 Mi elements
	f("01 14 00 02 05 00 05 00")                                   // tag twice
	f("01 14 00 02 05 00 04 00")                                   // tags out of order
	f("01 14 00 01 05 ffffffff0f")                                 // tag of 4 GiB
	f("01 14 00 ffffffff0f")                                       // 4 Gi tags
	f("01 11 00 00000000 0000000000000000 01 00 02 0000")          // field shorter than its size
}

// TestVersions: a field that the version cannot carry is refused instead of lost.
func TestVersions(t *testing.T) {
	f := func(r Record, version int16) {
		t.Helper()
		if b, err := Append(nil, r, version); !errors.Is(err, ErrVersion) || len(b) != 0 {
			t.Errorf("%T v%d: %x, %v", r, version, b, err)
		}
	}
	f(brokerRecord(1), 0)
	f(brokerRecord(2), 1)
	f(brokerRecord(3), 2)
	f(brokerRecord(4), 3)
	f(partitionRecord(1), 0)
	f(partitionRecord(2), 1)
	f(changeRecord(1), 0)
	f(changeRecord(2), 1)
	f(&BrokerRegistrationChangeRecord{InControlledShutdown: 1}, 0)
	f(&BrokerRegistrationChangeRecord{LogDirs: []kafka.UUID{dir1}}, 1)
	f(&BrokerRegistrationChangeRecord{CordonedLogDirs: []kafka.UUID{}}, 2)
	f(&NoOpRecord{}, 1)
	f(&NoOpRecord{}, -1)
}

// FuzzDecode: whatever the bytes, no panic; and what decodes keeps its meaning through another
// round, in no more than the bytes that it came from.
func FuzzDecode(f *testing.F) {
	for _, g := range goldens(f) {
		f.Add(g.value)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, g := range goldens(f) {
		damaged := bytes.Clone(g.value)
		damaged[rng.IntN(len(damaged))] ^= byte(1 << rng.IntN(8))
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		r, version, err := Decode(value)
		if err != nil {
			return
		}
		back, err := Append(nil, r, version)
		if err != nil {
			t.Fatalf("%T v%d cannot be encoded again: %v", r, version, err)
		}
		again, _, err := Decode(back)
		if err != nil {
			t.Fatalf("%+v became %v", r, err)
		}
		if third, err := Append(nil, again, version); err != nil || !bytes.Equal(third, back) { // not DeepEqual: a quota may be NaN
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
		if len(back) > len(value) {
			t.Fatalf("%d bytes became %d", len(value), len(back))
		}
	})
}

func BenchmarkDecodePartition(b *testing.B) {
	value, err := Append(nil, partitionRecord(2), 2)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(value)))
	for b.Loop() {
		if _, _, err := Decode(value); err != nil {
			b.Fatal(err)
		}
	}
}
