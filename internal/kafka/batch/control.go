package batch

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/thalweg-io/thalweg/internal/kafka"
)

// ControlType is the kind of a control record (SURFACE §1.4). Numbers not listed may be used: Kafka's
// readers skip control records that they do not know.
type ControlType int16

// Wire values of ControlType.
const (
	ControlAbort          ControlType = 0
	ControlCommit         ControlType = 1
	ControlLeaderChange   ControlType = 2
	ControlSnapshotHeader ControlType = 3
	ControlSnapshotFooter ControlType = 4
	ControlKRaftVersion   ControlType = 5
	ControlKRaftVoters    ControlType = 6
)

// String is Kafka's name of the type.
func (t ControlType) String() string {
	names := [...]string{"ABORT", "COMMIT", "LEADER_CHANGE", "SNAPSHOT_HEADER", "SNAPSHOT_FOOTER",
		"KRAFT_VERSION", "KRAFT_VOTERS"}
	if t >= 0 && int(t) < len(names) {
		return names[t]
	}
	return "UNKNOWN(" + strconv.Itoa(int(t)) + ")"
}

// controlKeySize is the size of a control record's key: int16 version, int16 type.
const controlKeySize = 4

// ControlKey is the key of a control record: version of the key's own format (0 today) and type.
func ControlKey(version int16, t ControlType) []byte {
	key := binary.BigEndian.AppendUint16(nil, uint16(version))
	return binary.BigEndian.AppendUint16(key, uint16(t))
}

// ControlType reads the type from the key of a control record. Longer keys of later versions are
// allowed, as in Kafka. Error: ErrRecord.
func (r Record) ControlType() (ControlType, error) {
	if len(r.Key) < controlKeySize || int16(binary.BigEndian.Uint16(r.Key)) < 0 {
		return 0, fmt.Errorf("%w: control key %x", ErrRecord, r.Key)
	}
	return ControlType(binary.BigEndian.Uint16(r.Key[2:])), nil
}

// ControlBatch builds a batch of one control record without producer: those of Kafka's Raft
// (leader change and so on) and of our own. version is that of the key's format, normally 0; value
// is the serialized message, or nil. Base offset 0, leader epoch -1. The caller owns the bytes.
func ControlBatch(t ControlType, version int16, value []byte, timestampMs int64) Batch {
	return controlBatch(BuilderOptions{Control: true}, ControlKey(version, t), value, timestampMs)
}

// EndTxnMarker builds the marker that ends a producer's transaction on a partition: t is
// ControlAbort or ControlCommit, coordinatorEpoch that of the transaction coordinator's partition
// (SURFACE 58). Base offset 0, leader epoch -1. The caller owns the bytes.
func EndTxnMarker(t ControlType, id kafka.ProducerID, epoch kafka.ProducerEpoch, coordinatorEpoch int32, timestampMs int64) Batch {
	value := binary.BigEndian.AppendUint16(nil, 0) // version
	value = binary.BigEndian.AppendUint32(value, uint32(coordinatorEpoch))
	opts := BuilderOptions{HasProducer: true, ProducerID: id, ProducerEpoch: epoch, BaseSequence: -1,
		Transactional: true, Control: true}
	return controlBatch(opts, ControlKey(0, t), value, timestampMs)
}

func controlBatch(opts BuilderOptions, key, value []byte, timestampMs int64) Batch {
	var b Builder
	b.Reset(opts)
	b.Append(timestampMs, key, value, nil)
	out, err := b.Build()
	if err != nil {
		panic("BUG: control batch: " + err.Error())
	}
	return out
}

// EndTxn reads the value of a transaction marker. Error: ErrRecord.
func (r Record) EndTxn() (coordinatorEpoch int32, err error) {
	if len(r.Value) < 6 || int16(binary.BigEndian.Uint16(r.Value)) < 0 {
		return 0, fmt.Errorf("%w: transaction marker %x", ErrRecord, r.Value)
	}
	return int32(binary.BigEndian.Uint32(r.Value[2:])), nil
}
