package wire

import (
	"bytes"
	"encoding/hex"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// golden calls f for every line of a file made by testdata/gen.
func golden(t testing.TB, file string, f func(name string, version int16, data []byte)) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		version, err := strconv.ParseInt(words[1], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(words[2])
		if err != nil {
			t.Fatal(err)
		}
		f(words[0], int16(version), data)
		lines++
	}
	if lines < 20 {
		t.Fatalf("%s has %d lines", file, lines)
	}
}

var (
	goldenTopic     = kafka.TopicID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	goldenDirectory = kafka.UUID{17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32}
)

// Bytes written by Apache Kafka's own classes are understood, and ours are the same bytes. The
// values are those that testdata/gen/…/Golden.java sets.
func TestGolden(t *testing.T) {
	golden(t, "golden.txt", func(name string, version int16, data []byte) {
		t.Run(name+strconv.Itoa(int(version)), func(t *testing.T) {
			switch name {
			case "request-header":
				goldenHeader(t, version, data)
			case "produce-request":
				goldenProduceRequest(t, version, data)
			case "produce-response":
				same(t, goldenProduceResponse(version).Append(nil, version), data)
			case "fetch-request":
				goldenFetchRequest(t, version, data)
			case "fetch-response":
				same(t, goldenFetchResponse(version), data)
			default:
				t.Fatal("unknown name")
			}
		})
	})
}

// at returns v in versions from since on, else the default d.
func at[T any](version, since int16, v, d T) T {
	if version >= since {
		return v
	}
	return d
}

// byName is the name in versions before 13.
func byName(version int16, name string) []byte {
	if version >= 13 {
		return nil
	}
	return []byte(name)
}

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%x, want\n%x", got, want)
	}
}

func goldenHeader(t *testing.T, version int16, data []byte) {
	h, body, err := ParseHeader(data)
	if err != nil || len(body) != 0 || h.Key != 1 || h.Version != 10+version || h.CorrelationID != 0x01020304 || string(h.ClientID) != "client" {
		t.Errorf("%+v, %x, %v", h, body, err)
	}
}

func goldenProduceRequest(t *testing.T, version int16, data []byte) {
	var r ProduceRequest
	mustBe(t, r.Parse(version, data), nil)
	want := ProduceRequest{
		Version: version, TransactionalID: at(version, 8, []byte("txn"), nil), Acks: -1, TimeoutMs: 1500,
		Topics: []ProduceTopic{{
			Name: byName(version, "topic"), ID: at(version, 13, goldenTopic, kafka.TopicID{}),
			Partitions: []ProducePartition{{7, []byte("records of seven")}, {8, nil}},
		}},
	}
	r.partitions, r.memory = nil, 0
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v", r)
	}
}

func goldenProduceResponse(version int16) *ProduceResponse {
	return &ProduceResponse{ThrottleMs: 99, Topics: []ProduceTopicResult{{Name: []byte("topic"), ID: goldenTopic, Partitions: []ProduceResult{
		{Index: 7, BaseOffset: 1 << 40, LogAppendTimeMs: 1700000000000, LogStartOffset: 12},
		{
			Index: 8, ErrorCode: 87, BaseOffset: -1, LogAppendTimeMs: -1, LogStartOffset: -1, ErrorMessage: "bad batch",
			RecordErrors: []ProduceRecordError{{2, "no key"}, {3, ""}}, Leader: CurrentLeader{3, 5, true},
		},
	}}}, Endpoints: []NodeEndpoint{{3, "host", 9092, "rack"}, {4, "other", 9093, ""}}}
}

func goldenFetchRequest(t *testing.T, version int16, data []byte) {
	var r FetchRequest
	mustBe(t, r.Parse(version, data), nil)
	topic := at(version, 13, goldenTopic, kafka.TopicID{})
	want := FetchRequest{
		Version: version, ReplicaID: 2, ReplicaEpoch: at[int64](version, 15, 77, -1),
		MaxWaitMs: 500, MinBytes: 1, MaxBytes: 50 << 20, Isolation: 1,
		SessionID: at[int32](version, 7, 11, 0), SessionEpoch: at[int32](version, 7, 12, -1),
		RackID: at(version, 11, []byte("rack"), nil), ClusterID: at(version, 12, []byte("cluster"), nil),
		Topics: []FetchTopic{{Name: byName(version, "topic"), ID: topic, Partitions: []FetchPartition{
			{
				Index: 7, CurrentLeaderEpoch: at[int32](version, 9, 6, -1), FetchOffset: 1 << 40,
				LastFetchedEpoch: at[int32](version, 12, 5, -1), LogStartOffset: at[int64](version, 5, 3, -1), MaxBytes: 1 << 20,
				DirectoryID: at(version, 17, goldenDirectory, kafka.UUID{}), HighWatermark: at[int64](version, 18, 44, math.MaxInt64),
			},
			{Index: 8, CurrentLeaderEpoch: -1, FetchOffset: 5, LastFetchedEpoch: -1, LogStartOffset: -1, MaxBytes: 1, HighWatermark: math.MaxInt64},
		}}},
	}
	if version >= 7 {
		want.Forgotten = []ForgottenTopic{{Name: byName(version, "gone"), ID: topic, Partitions: []int32{1, 2, 3}}}
	}
	r.partitions, r.forgotten = nil, nil
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, want\n%+v", r, want)
	}
}

func goldenFetchResponse(version int16) []byte {
	one := &FetchPartitionResult{
		Index: 7, HighWatermark: 100, LastStableOffset: 90, LogStartOffset: 3, PreferredReadReplica: 9,
		Aborted: []AbortedTransaction{{4, 80}}, DivergingEpoch: EpochEndOffset{5, 60, true},
	}
	two := &FetchPartitionResult{
		Index: 8, ErrorCode: 6, HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1, PreferredReadReplica: -1,
		CurrentLeader: CurrentLeader{3, 5, true}, SnapshotID: SnapshotID{50, 4, true},
	}
	records := "records of seven"
	b := AppendFetchHead(nil, version, 99, 0, 11, 1)
	b = AppendFetchTopic(b, version, "topic", goldenTopic, 2)
	b = AppendFetchPartition(b, version, one, len(records))
	b = AppendFetchPartitionEnd(append(b, records...), version, one)
	b = AppendFetchPartition(b, version, two, -1)
	b = AppendFetchPartitionEnd(b, version, two)
	b = AppendFetchTopicEnd(b, version)
	return AppendFetchEnd(b, version, []NodeEndpoint{{3, "host", 9092, "rack"}})
}

// Every request that Kafka writes with nothing set passes Check, and is empty beyond it.
func TestGoldenSmallest(t *testing.T) {
	golden(t, "smallest.txt", func(name string, version int16, data []byte) {
		key, err := strconv.Atoi(name)
		if err != nil {
			t.Fatal(err)
		}
		if !Known(int16(key), version) { // the unstable ones
			return
		}
		if err := Check(int16(key), version, data); err != nil {
			t.Errorf("key %d version %d: %v: %x", key, version, err, data)
		}
		if len(data) > 0 && Check(int16(key), version, data[:len(data)-1]) == nil {
			t.Errorf("key %d version %d: accepted without its last byte", key, version)
		}
	})
}
