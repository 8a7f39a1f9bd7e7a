package batch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// described is what Apache Kafka says about a batch that it made (testdata/gen).
type described struct {
	Name, Codec                                      string
	BaseOffset, LastOffset, MaxTimestamp, ProducerID int64
	LeaderEpoch, BaseSequence, LastSequence, Count   int32
	ProducerEpoch                                    int16
	Transactional, Control, LogAppendTime            bool
	DeleteHorizon                                    bool
	CRC                                              uint32
	Records                                          []describedRecord
	bytes                                            Batch
}

type describedRecord struct {
	Offset, Timestamp int64
	Key, Value        *string
	Headers           [][2]*string
}

func kafkaBatches(t testing.TB) map[string]*described {
	t.Helper()
	raw, err := os.ReadFile("testdata/kafka/batches.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []*described
	if err := json.Unmarshal(raw, &list); err != nil || len(list) < 40 {
		t.Fatalf("%d batches, %v", len(list), err)
	}
	m := map[string]*described{}
	for _, d := range list {
		if d.bytes, err = os.ReadFile(filepath.Join("testdata/kafka", d.Name+".bin")); err != nil {
			t.Fatal(err)
		}
		m[d.Name] = d
	}
	return m
}

// describe is bytes as the description has them: hex, or length and SHA-256; nil for null.
func describe(b []byte) *string {
	if b == nil {
		return nil
	}
	s := hex.EncodeToString(b)
	if len(b) > 128 {
		s = fmt.Sprintf("%d:%x", len(b), sha256.Sum256(b))
	}
	return &s
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

var budget = compress.DefaultBudget(1 << 20)

// Goal: every batch made by Apache Kafka is read as Kafka reads it: header, records, nulls,
// headers, timestamps, of every codec, kind and state of compaction.
func TestReadKafkaBatches(t *testing.T) {
	var d compress.Decompressor
	for name, want := range kafkaBatches(t) {
		b, rest, err := Next(want.bytes)
		if err != nil || len(rest) != 0 {
			t.Fatalf("%s: %d left, %v", name, len(rest), err)
		}
		if err := b.CheckStructure(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := described{
			Name: name, Codec: b.Codec().String(), BaseOffset: b.BaseOffset(), LastOffset: b.LastOffset(),
			MaxTimestamp: b.MaxTimestamp(), ProducerID: int64(b.ProducerID()), LeaderEpoch: int32(b.LeaderEpoch()),
			BaseSequence: b.BaseSequence(), LastSequence: b.LastSequence(), Count: b.NumRecords(),
			ProducerEpoch: int16(b.ProducerEpoch()), Transactional: b.Transactional(), Control: b.Control(),
			LogAppendTime: b.LogAppendTime(), DeleteHorizon: b.HasDeleteHorizon(), CRC: b.CRC(),
		}
		head := *want
		head.Records, head.bytes = nil, nil
		if fmt.Sprint(got) != fmt.Sprint(head) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, head)
		}
		if name == "zstd-22" {
			if _, err := b.Plain(&d, nil, budget); !errors.Is(err, compress.ErrUnsupported) {
				t.Errorf("%s: a window of 128 MiB: %v", name, err)
			}
			continue
		}
		plain, err := b.Plain(&d, nil, budget)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		compareRecords(t, want, b, plain)
	}
}

func compareRecords(t *testing.T, want *described, b Batch, plain []byte) {
	t.Helper()
	it := IterateRecords(plain, b.NumRecords())
	for i, w := range want.Records {
		if !it.Next() {
			t.Errorf("%s: ends at record %d of %d: %v", want.Name, i, len(want.Records), it.Err())
			return
		}
		r := it.Record()
		if b.Offset(r) != w.Offset || b.Timestamp(r) != w.Timestamp ||
			text(describe(r.Key)) != text(w.Key) || text(describe(r.Value)) != text(w.Value) {
			t.Errorf("%s record %d: offset %d time %d key %x value %.20x, want %+v", want.Name, i,
				b.Offset(r), b.Timestamp(r), r.Key, r.Value, w)
		}
		var got, wanted strings.Builder
		for h := r.Headers(); h.Next(); {
			fmt.Fprintf(&got, "%s=%s ", text(describe(h.Header().Key)), text(describe(h.Header().Value)))
		}
		for _, h := range w.Headers {
			fmt.Fprintf(&wanted, "%s=%s ", text(h[0]), text(h[1]))
		}
		if got.String() != wanted.String() || r.NumHeaders() != len(w.Headers) {
			t.Errorf("%s record %d: headers %s, want %s", want.Name, i, &got, &wanted)
		}
	}
	if it.Next() || it.Err() != nil {
		t.Errorf("%s: after the last record: %v", want.Name, it.Err())
	}
}

// Goal: uncompressed batches that we build are Kafka's, byte for byte. Method: read a batch of
// Kafka's, build it again from what was read.
func TestBuildKafkaBytes(t *testing.T) {
	var b Builder
	built := 0
	for name, want := range kafkaBatches(t) {
		from := want.bytes
		if from.Codec() != compress.None || from.NumRecords() == 0 || strings.HasPrefix(name, "compacted") ||
			strings.HasPrefix(name, "tombstone") {
			continue
		}
		b.Reset(BuilderOptions{HasProducer: from.ProducerID() >= 0, ProducerID: from.ProducerID(),
			ProducerEpoch: from.ProducerEpoch(), BaseSequence: from.BaseSequence(),
			Transactional: from.Transactional(), Control: from.Control()})
		for it := IterateRecords(from.Payload(), from.NumRecords()); it.Next(); {
			var headers []Header
			for h := it.Record().Headers(); h.Next(); {
				headers = append(headers, h.Header())
			}
			r := it.Record()
			b.Append(from.BaseTimestamp()+r.TimestampDelta, r.Key, r.Value, headers)
		}
		if b.Size() != len(from) || b.NumRecords() != int(from.NumRecords()) {
			t.Errorf("%s: %d bytes and %d records announced", name, b.Size(), b.NumRecords())
		}
		got, err := b.Build()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got.SetBaseOffset(from.BaseOffset())
		got.SetLeaderEpoch(from.LeaderEpoch())
		if from.LogAppendTime() {
			got.SetLogAppendTime(from.MaxTimestamp())
		}
		if !bytes.Equal(got, from) {
			t.Errorf("%s:\n got %x\nwant %x", name, []byte(got), []byte(from))
		}
		built++
	}
	if built < 15 {
		t.Errorf("only %d batches were compared", built)
	}
}

// Goal: control batches are Kafka's, byte for byte, and are read back.
func TestControlBatchesLikeKafka(t *testing.T) {
	all := kafkaBatches(t)
	for name, kind := range map[string]ControlType{"txnabort": ControlAbort, "txncommit": ControlCommit} {
		want := all[name].bytes
		if got := EndTxnMarker(kind, 9001, 5, 77, want.MaxTimestamp()); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, []byte(got), []byte(want))
		}
		it := IterateRecords(want.Payload(), 1)
		it.Next()
		if got, err := it.Record().ControlType(); got != kind || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if epoch, err := it.Record().EndTxn(); epoch != 77 || err != nil {
			t.Errorf("%s: coordinator epoch %d, %v", name, epoch, err)
		}
	}
	for name, kind := range map[string]ControlType{"leaderchange": ControlLeaderChange, "snapshotheader": ControlSnapshotHeader,
		"snapshotfooter": ControlSnapshotFooter, "kraftversion": ControlKRaftVersion, "kraftvoters": ControlKRaftVoters} {
		want := all[name].bytes
		it := IterateRecords(want.Payload(), 1)
		it.Next()
		if got, err := it.Record().ControlType(); got != kind || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		got := ControlBatch(kind, 0, it.Record().Value, want.MaxTimestamp())
		got.SetLeaderEpoch(6)
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, []byte(got), []byte(want))
		}
	}
	r := Record{Key: []byte{0, 0, 3, 232}}
	if got, err := r.ControlType(); got != 1000 || got.String() != "UNKNOWN(1000)" || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, key := range [][]byte{nil, {0, 0, 1}, {0x80, 0, 0, 1}} {
		if _, err := (Record{Key: key}).ControlType(); !errors.Is(err, ErrRecord) {
			t.Errorf("control key %x: %v", key, err)
		}
	}
	if ControlCommit.String() != "COMMIT" || ControlType(-1).String() != "UNKNOWN(-1)" {
		t.Error("names of control types")
	}
}

// Goal: what Kafka's producer sends is accepted, and only that of all of Kafka's batches.
func TestClientTakesKafkaProducerBatches(t *testing.T) {
	refused := map[string]Reason{
		"placed": ReasonInvalidRecord, "appendtime": ReasonInvalidRecord, "txnabort": ReasonInvalidRecord,
		"txncommit": ReasonInvalidRecord, "leaderchange": ReasonInvalidRecord, "snapshotheader": ReasonInvalidRecord,
		"snapshotfooter": ReasonInvalidRecord, "kraftversion": ReasonInvalidRecord, "kraftvoters": ReasonInvalidRecord,
		"compacted-none": ReasonInvalidRecord, "compacted-lz4": ReasonInvalidRecord, "tombstone-none": ReasonInvalidRecord,
		"tombstone-lz4": ReasonInvalidRecord, "emptied-none": ReasonInvalidRecord, "emptied-lz4": ReasonInvalidRecord,
		"zstd-22": ReasonCompression,
	}
	var v Validator
	for name, d := range kafkaBatches(t) {
		sent := bytes.Clone(d.bytes)
		b, err := v.Client(sent, lenient())
		var bad *Invalid
		switch want, ok := refused[name]; {
		case ok && (!errors.As(err, &bad) || bad.Code != want):
			t.Errorf("%s: %v, want %v", name, err, want)
		case !ok && err != nil:
			t.Errorf("%s: %v", name, err)
		case !ok && !bytes.Equal(b, d.bytes):
			t.Errorf("%s was changed", name)
		}
		if !bytes.Equal(sent, d.bytes) {
			t.Errorf("%s: the bytes sent were changed", name)
		}
	}
}

// lenient rules let everything pass that is a client batch at all.
func lenient() *Rules {
	return &Rules{MaxBytes: math.MaxInt32, BeforeMaxMs: math.MaxInt64, AfterMaxMs: math.MaxInt64,
		NowMs: 1_700_000_000_000, AllowZstd: true, Budget: budget}
}

func TestSequenceWrap(t *testing.T) {
	b := kafkaBatches(t)["sequencewrap"].bytes
	if b.BaseSequence() != math.MaxInt32-1 || b.LastSequence() != 1 {
		t.Errorf("sequences %d to %d", b.BaseSequence(), b.LastSequence())
	}
	if b.ProducerID() != 0 || b.ProducerEpoch() != kafka.ProducerEpoch(0) {
		t.Errorf("producer %d epoch %d", b.ProducerID(), b.ProducerEpoch())
	}
}
