package quorum

import (
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// testBatch is a batch of n records whose values begin with text.
func testBatch(t testing.TB, text string, n int) batch.Batch {
	t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{})
	for i := range n {
		b.Append(1000, nil, append([]byte(text), byte('a'+i)), nil)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEntryRoundTrip: entries of every kind go through a log on disk, are read back from memory and
// from the log, before and after a restart, and are the same; so do their indexes and terms.
func TestEntryRoundTrip(t *testing.T) {
	v1, err := proto.Marshal(&pb.ConfChange{Type: pb.ConfChangeAddNode.Enum(), NodeId: new(uint64(4)), Context: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	v2, err := proto.Marshal(&pb.ConfChangeV2{Changes: []*pb.ConfChangeSingle{{Type: pb.ConfChangeRemoveNode.Enum(), NodeId: new(uint64(2))}}})
	if err != nil {
		t.Fatal(err)
	}
	give := []*pb.Entry{
		{Type: pb.EntryConfChange.Enum(), Data: v1, Term: new(uint64(1))},
		{Type: pb.EntryNormal.Enum(), Term: new(uint64(2))},
		{Type: pb.EntryNormal.Enum(), Term: new(uint64(2)), Data: testBatch(t, "one", 1)},
		{Type: pb.EntryNormal.Enum(), Term: new(uint64(2)), Data: testBatch(t, "five", 5)},
		{Type: pb.EntryConfChangeV2.Enum(), Term: new(uint64(2)), Data: v2},
		{Type: pb.EntryConfChangeV2.Enum(), Term: new(uint64(2))}, // leaves a joint configuration
		{Type: pb.EntryNormal.Enum(), Term: new(uint64(7))},
		{Type: pb.EntryNormal.Enum(), Term: new(uint64(7)), Data: testBatch(t, "last", 2)},
	}
	offsets := []int64{0, 1, 2, 3, 8, 9, 10, 11}
	for i, e := range give {
		e.Index = new(uint64(i + 1))
	}
	fs := vfs.NewMem()
	o := Options{FS: fs, Dir: "meta", SegmentBytes: 1 << 20}
	open := func(tailBytes int) *entryLog {
		lg, err := openLog(&o)
		if err != nil {
			t.Fatal(err)
		}
		l := &entryLog{log: lg, file: &stateFile{}, self: 2, tail: tail{maxBytes: tailBytes}}
		if err := l.rebuild(); err != nil {
			t.Fatal(err)
		}
		return l
	}
	if err := fs.MkdirAll("meta"); err != nil {
		t.Fatal(err)
	}
	check := func(l *entryLog, when string) {
		t.Helper()
		n := uint64(len(give))
		if l.last() != n || !reflect.DeepEqual(l.offsets, offsets) || !reflect.DeepEqual(l.members, []uint64{1, 5, 6}) {
			t.Fatalf("%s: last %d, offsets %v, members %v", when, l.last(), l.offsets, l.members)
		}
		for lo := uint64(1); lo <= n; lo++ {
			for hi := lo; hi <= n+1; hi++ {
				got, err := l.Entries(lo, hi, 1<<30)
				if err != nil || len(got) != int(hi-lo) {
					t.Fatalf("%s: Entries(%d, %d): %d entries, %v", when, lo, hi, len(got), err)
				}
				for i, e := range got {
					if want := give[lo-1+uint64(i)]; !proto.Equal(e, want) {
						t.Fatalf("%s: entry %d:\n got %v\nwant %v", when, want.GetIndex(), e, want)
					}
				}
			}
			if one, err := l.Entries(lo, n+1, 0); err != nil || len(one) != 1 {
				t.Fatalf("%s: Entries with no room: %d, %v", when, len(one), err)
			}
			if term, err := l.Term(lo); err != nil || term != give[lo-1].GetTerm() {
				t.Fatalf("%s: Term(%d) = %d, %v", when, lo, term, err)
			}
		}
	}
	l := open(1 << 20)
	if n, err := l.append(give, []kafka.BrokerID{0, 2, 5}, 1234); err != nil || n != len(give) {
		t.Fatal(err)
	}
	check(l, "from memory")
	l.tail = tail{maxBytes: 1}
	check(l, "from the log")
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(1)
	check(l, "after a restart")
	leaderChange(t, l)
}

// leaderChange compares the control batch of entry 2 with what kmsg makes of Kafka's schema.
func leaderChange(t *testing.T, l *entryLog) {
	b, err := l.batchAt(2)
	if err != nil {
		t.Fatal(err)
	}
	kind, value, err := parseControl(b)
	if err != nil || kind != batch.ControlLeaderChange || b.MaxTimestamp() != 1234 || b.LeaderEpoch() != 2 {
		t.Fatalf("kind %v time %d epoch %d, %v", kind, b.MaxTimestamp(), b.LeaderEpoch(), err)
	}
	want := kmsg.LeaderChangeMessage{LeaderID: 2, Voters: []kmsg.LeaderChangeMessageVoter{{VoterID: 0}, {VoterID: 2}, {VoterID: 5}}}
	if w := want.AppendTo(nil); string(w) != string(value) {
		t.Fatalf("value\n got %s\nwant %s", hex.EncodeToString(value), hex.EncodeToString(w))
	}
}

// TestMembershipBytes: the format of docs/format/metadata-log.md.
func TestMembershipBytes(t *testing.T) {
	b := membershipBatch(pb.EntryConfChange, []byte{16, 0, 24, 3}, 0)
	it := batch.IterateRecords(b.Payload(), 1)
	if !it.Next() {
		t.Fatal(it.Err())
	}
	if r := it.Record(); hex.EncodeToString(r.Key) != "00005457" || hex.EncodeToString(r.Value) != "00000110001803" {
		t.Fatalf("key %x value %x", r.Key, r.Value)
	}
	for _, bad := range []batch.Batch{
		batch.ControlBatch(batch.ControlCommit, 0, []byte{0, 0}, 0),
		batch.ControlBatch(controlMembership, 0, []byte{0, 0}, 0),
		batch.ControlBatch(controlMembership, 0, []byte{0, 1, 1, 16, 0}, 0),
		batch.ControlBatch(controlMembership, 0, []byte{0, 0, 0, 16, 0}, 0),
		batch.ControlBatch(controlMembership, 0, []byte{0, 0, 1, 16}, 0),
	} {
		if _, _, err := parseEntry(bad); err == nil {
			t.Errorf("%x is an entry", bad.Payload())
		}
	}
}

// TestTail: the cache holds the youngest entries within its bound, and gives none that it lacks.
func TestTail(t *testing.T) {
	tl := tail{maxBytes: 3 * (tailEntryBytes + 10)}
	for i := uint64(1); i <= 5; i++ {
		tl.add(&pb.Entry{Index: &i, Data: make([]byte, 10)})
	}
	if tl.first != 3 || len(tl.entries) != 3 || tl.from(2) != nil || tl.from(6) != nil || len(tl.from(4)) != 2 {
		t.Fatalf("first %d, %d entries", tl.first, len(tl.entries))
	}
	tl.add(&pb.Entry{Index: new(uint64(6)), Data: make([]byte, 10000)})
	if tl.first != 6 || len(tl.entries) != 1 {
		t.Fatalf("a large entry: first %d, %d entries", tl.first, len(tl.entries))
	}
	tl.cutFrom(6)
	if len(tl.entries) != 0 || tl.bytes != 0 {
		t.Fatalf("%d entries, %d bytes", len(tl.entries), tl.bytes)
	}
	tl.add(&pb.Entry{Index: new(uint64(4))})
	tl.add(&pb.Entry{Index: new(uint64(5))})
	tl.cutTo(4)
	if tl.first != 5 || len(tl.entries) != 1 || tl.bytes != tailEntryBytes {
		t.Fatalf("first %d, %d entries, %d bytes", tl.first, len(tl.entries), tl.bytes)
	}
}
