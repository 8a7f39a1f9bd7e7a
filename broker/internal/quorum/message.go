package quorum

import (
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// encode makes the bytes of m: raftpb.Message in which the data of every entry is the log's batch,
// also of those entries whose data Raft holds in another form. All entries of m are in the log.
func (l *entryLog) encode(m *pb.Message) ([]byte, error) {
	for i, e := range m.GetEntries() {
		if e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 {
			continue
		}
		return l.encodeControls(m, i)
	}
	return proto.Marshal(m)
}

// encodeControls is encode for the rare message with control entries, the first of them at from.
// Raft's message and entries stay as they are: Raft may still hold them.
func (l *entryLog) encodeControls(m *pb.Message, from int) ([]byte, error) {
	out := proto.CloneOf(m)
	for _, e := range out.Entries[from:] {
		if e.GetType() == pb.EntryNormal && len(e.GetData()) > 0 {
			continue
		}
		b, err := l.batchAt(e.GetIndex())
		if err != nil {
			return nil, err
		}
		e.Data = b
	}
	return proto.Marshal(out)
}

// peerMessages are the kinds that one voter sends to another. Proposals, reads and leadership
// transfers are never forwarded here.
var peerMessages = [...]bool{
	pb.MsgApp:           true,
	pb.MsgAppResp:       true,
	pb.MsgVote:          true,
	pb.MsgVoteResp:      true,
	pb.MsgHeartbeat:     true,
	pb.MsgHeartbeatResp: true,
	pb.MsgTimeoutNow:    true,
	pb.MsgPreVote:       true,
	pb.MsgPreVoteResp:   true,
	pb.MsgSnap:          true,
}

// decode reads what encode made and checks it so far that Raft cannot be made to panic by it. The
// control batches among the entries are returned beside the message. Errors: ErrMessage.
func decode(data []byte, from, self kafka.BrokerID) (*pb.Message, map[entryID]batch.Batch, error) {
	m := &pb.Message{}
	if err := proto.Unmarshal(data, m); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	m.Responses = nil
	if m.GetType() != pb.MsgSnap {
		m.Snapshot = nil
	}
	kind := int(m.GetType())
	switch {
	case kind < 0 || kind >= len(peerMessages) || !peerMessages[kind]:
		return nil, nil, fmt.Errorf("%w: kind %d", ErrMessage, kind)
	case from < 0 || from == self || m.GetFrom() != raftID(from) || m.GetTo() != raftID(self):
		return nil, nil, fmt.Errorf("%w: from %d to %d came from node %d", ErrMessage, m.GetFrom(), m.GetTo(), from)
	case m.GetTerm() == 0 || m.GetTerm() > maxTerm || m.GetIndex() > maxIndex || m.GetLogTerm() > maxTerm || m.GetCommit() > maxIndex:
		return nil, nil, fmt.Errorf("%w: term %d index %d log term %d commit %d", ErrMessage, m.GetTerm(), m.GetIndex(), m.GetLogTerm(), m.GetCommit())
	case len(m.GetEntries()) > 0 && m.GetType() != pb.MsgApp:
		return nil, nil, fmt.Errorf("%w: kind %d with entries", ErrMessage, kind)
	}
	controls, err := decodeEntries(m)
	return m, controls, err
}

func decodeEntries(m *pb.Message) (map[entryID]batch.Batch, error) {
	var controls map[entryID]batch.Batch
	index, term := m.GetIndex(), m.GetLogTerm()
	for _, e := range m.GetEntries() {
		index++
		if e.GetIndex() != index || e.GetTerm() < term || e.GetTerm() > m.GetTerm() {
			return nil, fmt.Errorf("%w: entry %d of term %d after %d of term %d", ErrMessage, e.GetIndex(), e.GetTerm(), index-1, term)
		}
		term = e.GetTerm()
		b, err := decodeEntry(e)
		if err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrMessage, index, err)
		}
		if b != nil {
			if controls == nil {
				controls = make(map[entryID]batch.Batch)
			}
			controls[idOf(e)] = b
		}
	}
	return controls, nil
}

// decodeEntry gives e the data that Raft wants and returns the batch if that is something else.
func decodeEntry(e *pb.Entry) (batch.Batch, error) {
	b, rest, err := batch.Next(e.GetData())
	switch {
	case err != nil:
		return nil, err
	case len(rest) != 0:
		return nil, errEntry
	}
	if err := b.CheckStructure(); err != nil {
		return nil, err
	}
	if b.LeaderEpoch() < 1 || uint64(b.LeaderEpoch()) != e.GetTerm() {
		return nil, fmt.Errorf("%w: epoch %d in term %d", errEntry, b.LeaderEpoch(), e.GetTerm())
	}
	typ, data, err := parseEntry(b)
	if err != nil {
		return nil, err
	}
	if typ != e.GetType() {
		return nil, fmt.Errorf("%w: type %d in an entry of type %d", errEntry, typ, e.GetType())
	}
	e.Data = data
	if !b.Control() {
		return nil, nil
	}
	return b, nil
}
