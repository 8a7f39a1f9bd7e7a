package quorum

import (
	"errors"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// stamped is b as a leader's log has it.
func stamped(b batch.Batch, offset int64, epoch kafka.LeaderEpoch) []byte {
	b.SetBaseOffset(offset)
	b.SetLeaderEpoch(epoch)
	return b
}

func marshal(t testing.TB, m *pb.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	must(t, err)
	return data
}

// append3 is a fine MsgApp of node 1 to node 0 in term 3: the entries 4 to 6.
func append3(t testing.TB) *pb.Message {
	entry := func(i, term uint64, typ pb.EntryType, b batch.Batch, offset int64) *pb.Entry {
		return &pb.Entry{Index: &i, Term: &term, Type: typ.Enum(), Data: stamped(b, offset, kafka.LeaderEpoch(term))}
	}
	conf, err := proto.Marshal(&pb.ConfChange{Type: pb.ConfChangeAddLearnerNode.Enum(), NodeId: new(uint64(9))})
	must(t, err)
	return &pb.Message{
		Type: pb.MsgApp.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(3)),
		Index: new(uint64(3)), LogTerm: new(uint64(1)), Commit: new(uint64(3)),
		Entries: []*pb.Entry{
			entry(4, 3, pb.EntryNormal, leaderChangeBatch(1, []kafka.BrokerID{0, 1, 2}, 77), 3),
			entry(5, 3, pb.EntryNormal, testBatch(t, "data", 2), 4),
			entry(6, 3, pb.EntryConfChange, membershipBatch(pb.EntryConfChange, conf, 78), 6),
		},
	}
}

// voter0 is node 0 of three, started, without a leader.
func voter0(t testing.TB) (*Core, *vfs.MemFS) {
	fs := vfs.NewMem()
	c, err := Open(Options{FS: fs, Dir: "meta", ID: 0, Voters: []kafka.BrokerID{0, 1, 2}, Machine: &fold{}})
	must(t, err)
	must(t, drain(c))
	return c, fs
}

// TestReceivedControlBatches: the control batches of a leader reach a follower's log unchanged,
// timestamps included, while raft sees the plain entries.
func TestReceivedControlBatches(t *testing.T) {
	c, _ := voter0(t)
	m := append3(t)
	must(t, c.Step(1, marshal(t, m)))
	must(t, drain(c))
	for _, e := range m.Entries {
		b, err := c.log.batchAt(e.GetIndex())
		if err != nil || string(b) != string(e.Data) {
			t.Fatalf("entry %d: %x instead of %x, %v", e.GetIndex(), b, e.Data, err)
		}
	}
	es, err := c.log.Entries(4, 7, 1<<20)
	if err != nil || es[0].GetData() != nil || es[2].GetType() != pb.EntryConfChange || len(es[2].GetData()) > 10 {
		t.Fatalf("%v, %v", es, err)
	}
	if c.log.received != nil {
		t.Fatal("received batches are kept")
	}
}

// TestBadMessages: what no voter sends is refused and changes nothing.
func TestBadMessages(t *testing.T) {
	c, fs := voter0(t)
	before, ops := c.term, fs.Ops()
	refuse := func(what string, from kafka.BrokerID, data []byte) {
		t.Helper()
		if err := c.Step(from, data); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	change := func(what string, f func(m *pb.Message)) {
		t.Helper()
		m := append3(t)
		f(m)
		refuse(what, 1, marshal(t, m))
	}
	refuse("no protobuf", 1, []byte{0xff, 1})
	refuse("nothing", 1, nil)
	refuse("too large", 1, make([]byte, 64<<20))
	refuse("another sender", 2, marshal(t, append3(t)))
	refuse("itself", 0, marshal(t, append3(t)))
	change("to another", func(m *pb.Message) { m.To = new(uint64(3)) })
	change("term 0", func(m *pb.Message) { m.Term = nil })
	change("term above 2^31", func(m *pb.Message) { m.Term = new(uint64(1 << 31)) })
	change("index wraps", func(m *pb.Message) { m.Index = new(^uint64(0)) })
	change("entries have a gap", func(m *pb.Message) { m.Entries = m.Entries[1:] })
	change("entry of a later term", func(m *pb.Message) { m.Entries[1].Term = new(uint64(4)) })
	change("terms fall", func(m *pb.Message) { m.Entries[1].Term = new(uint64(2)) })
	change("no batch", func(m *pb.Message) { m.Entries[1].Data = nil })
	change("bad checksum", func(m *pb.Message) { m.Entries[1].Data[70] ^= 1 })
	change("two batches", func(m *pb.Message) { m.Entries[1].Data = append(m.Entries[1].Data, m.Entries[1].Data...) })
	change("epoch is not the term", func(m *pb.Message) { batch.Batch(m.Entries[1].Data).SetLeaderEpoch(2) })
	change("unstamped", func(m *pb.Message) { batch.Batch(m.Entries[1].Data).SetLeaderEpoch(-1) })
	change("membership as data", func(m *pb.Message) { m.Entries[2].Type = pb.EntryNormal.Enum() })
	change("data as membership", func(m *pb.Message) { m.Entries[1].Type = pb.EntryConfChange.Enum() })
	change("transaction marker", func(m *pb.Message) {
		m.Entries[0].Data = stamped(batch.ControlBatch(batch.ControlCommit, 0, nil, 0), 3, 3)
	})
	for kind := range pb.MessageType_name {
		typ := pb.MessageType(kind)
		if int(kind) < len(peerMessages) && peerMessages[kind] {
			change("entries in "+typ.String(), func(m *pb.Message) {
				if m.Type = typ.Enum(); typ == pb.MsgApp {
					m.To = nil
				}
			})
			continue
		}
		change(typ.String(), func(m *pb.Message) { m.Type, m.Entries = typ.Enum(), nil })
	}
	heartbeat := &pb.Message{Type: pb.MsgHeartbeat.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(3)), Commit: new(uint64(4))}
	refuse("commit beyond the log", 1, marshal(t, heartbeat))
	if busy, err := c.Advance(); busy || err != nil || c.term != before || fs.Ops() != ops {
		t.Fatalf("something has changed: busy %v, term %d, %d file operations, %v", busy, c.term, fs.Ops()-ops, err)
	}
}

// TestDivergedOffset: a batch stamped for another offset than the log end stops the voter: below an
// agreed index the two logs are not the same.
func TestDivergedOffset(t *testing.T) {
	c, _ := voter0(t)
	m := append3(t)
	batch.Batch(m.Entries[1].Data).SetBaseOffset(5)
	must(t, c.Step(1, marshal(t, m)))
	if err := drain(c); !errors.Is(err, ErrDiverged) || !errors.Is(c.Err(), ErrDiverged) {
		t.Fatalf("%v, %v", err, c.Err())
	}
}

// FuzzStep: no bytes make a voter panic or end it, but by a diverged log.
func FuzzStep(f *testing.F) {
	m := append3(f)
	f.Add(marshal(f, m))
	for kind := range pb.MessageType_name {
		f.Add(marshal(f, &pb.Message{Type: pb.MessageType(kind).Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(3)), Index: new(uint64(2)), LogTerm: new(uint64(1)), Commit: new(uint64(2)), Reject: new(kind%2 == 0), RejectHint: new(^uint64(0))}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _ := voter0(t)
		must(t, c.Campaign())
		must(t, drain(c))
		for range 2 {
			if err := c.Step(1, data); err != nil && !errors.Is(err, ErrMessage) {
				t.Fatal(err)
			}
			if err := drain(c); err != nil && !errors.Is(err, ErrDiverged) {
				t.Fatal(err)
			}
		}
	})
}
