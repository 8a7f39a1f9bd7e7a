package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// How an entry looks in the log (docs/format/metadata-log.md):
//
//	entry                     batch
//	normal, with data         the data is the batch
//	normal, empty             control record of Kafka's type 2, LEADER_CHANGE
//	ConfChange, ConfChangeV2  control record of type 21591, MEMBERSHIP: ours
//
// The value of MEMBERSHIP is int16 version (0), int8 raftpb.EntryType (1 or 2), then the entry's
// data as it is. Kafka's dump tool prints "UNKNOWN(21591)" for it and goes on.
const (
	controlMembership batch.ControlType = 0x5457

	leaderChangeVersion = 0 // version 1 adds directory ids, which Raft does not know
	membershipVersion   = 0
	membershipHeader    = 3
)

// errEntry is returned for a batch that stands for no entry.
var errEntry = errors.New("batch is not a quorum entry")

// entryID names an entry for good: one term has one leader, and it fills an index once.
type entryID struct{ index, term uint64 }

func idOf(e *pb.Entry) entryID { return entryID{index: e.GetIndex(), term: e.GetTerm()} }

// parseEntry reads the type and data of the entry that b stands for, and for a control batch
// whether it is one. data aliases b. b has passed batch.Next. Errors: errEntry.
func parseEntry(b batch.Batch) (typ pb.EntryType, data []byte, err error) {
	if !b.Control() {
		return pb.EntryNormal, b, nil
	}
	kind, value, err := parseControl(b)
	if err != nil {
		return 0, nil, err
	}
	switch kind {
	case batch.ControlLeaderChange:
		return pb.EntryNormal, nil, nil
	case controlMembership:
		return parseMembership(value)
	}
	return 0, nil, fmt.Errorf("%w: control type %d", errEntry, kind)
}

// parseControl reads the one record of a control batch.
func parseControl(b batch.Batch) (kind batch.ControlType, value []byte, err error) {
	if b.NumRecords() != 1 || b.Codec() != compress.None {
		return 0, nil, fmt.Errorf("%w: control batch of %d records, compression %v", errEntry, b.NumRecords(), b.Codec())
	}
	it := batch.IterateRecords(b.Payload(), 1)
	for it.Next() {
		value = it.Record().Value
		kind, err = it.Record().ControlType()
	}
	if err := errors.Join(err, it.Err()); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errEntry, err)
	}
	return kind, value, nil
}

func parseMembership(value []byte) (typ pb.EntryType, data []byte, err error) {
	if len(value) < membershipHeader || binary.BigEndian.Uint16(value) != membershipVersion {
		return 0, nil, fmt.Errorf("%w: unknown membership version", errEntry)
	}
	typ, data = pb.EntryType(value[2]), value[membershipHeader:]
	var m proto.Message
	switch typ {
	case pb.EntryConfChange:
		m = &pb.ConfChange{}
	case pb.EntryConfChangeV2:
		m = &pb.ConfChangeV2{}
	default:
		return 0, nil, fmt.Errorf("%w: membership of entry type %d", errEntry, typ)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errEntry, err)
	}
	if len(data) == 0 {
		data = nil
	}
	return typ, data, nil
}

// membershipBatch is the control batch of a membership entry.
func membershipBatch(typ pb.EntryType, data []byte, timestampMs int64) batch.Batch {
	value := binary.BigEndian.AppendUint16(make([]byte, 0, membershipHeader+len(data)), membershipVersion)
	value = append(value, byte(typ))
	return batch.ControlBatch(controlMembership, 0, append(value, data...), timestampMs)
}

// leaderChangeBatch is the control batch of the empty entry that a leader opens its term with:
// Kafka's LeaderChangeMessage, flexible from version 0 on. The granting voters stay empty: raft
// does not tell them.
func leaderChangeBatch(leader kafka.BrokerID, voters []kafka.BrokerID, timestampMs int64) batch.Batch {
	be := binary.BigEndian
	value := be.AppendUint16(nil, leaderChangeVersion)
	value = be.AppendUint32(value, uint32(leader))
	value = binary.AppendUvarint(value, uint64(len(voters))+1)
	for _, v := range voters {
		value = be.AppendUint32(value, uint32(v))
		value = append(value, 0) // no tagged fields
	}
	value = append(value, 1, 0) // no granting voters, no tagged fields
	return batch.ControlBatch(batch.ControlLeaderChange, 0, value, timestampMs)
}
