package group

import (
	"errors"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// Versions of the values that Kafka 4.4 writes.
const (
	groupMetadataVersion = 3
	offsetVersion        = 4
	offsetExpiryVersion  = 1 // a commit that names its retention
)

// keyBytes and valueBytes encode. What clients say is bounded before it gets here.
func keyBytes(k schema.OffsetsKey) []byte {
	b, err := schema.AppendOffsetsKey(nil, k)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

func valueBytes(kind schema.OffsetsType, v schema.OffsetsValue, version int16) []byte {
	b, err := schema.AppendOffsetsValue(nil, kind, v, version)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return b
}

// Replay implements coordinator.Machine. A record of another type of group, or of one to come, is passed over.
func (s *Shard) Replay(r coordinator.Replayed) error {
	if r.Marker != coordinator.NoMarker {
		s.endTransaction(r.ProducerID, r.Marker == coordinator.CommitMarker)
		return nil
	}
	k, err := schema.DecodeOffsetsKey(r.Key)
	if errors.Is(err, schema.ErrUnknownType) {
		return nil
	}
	if err != nil {
		return err
	}
	var v schema.OffsetsValue
	if r.Value != nil {
		if v, _, err = schema.DecodeOffsetsValue(k.Type, r.Value); err != nil {
			return err
		}
	}
	switch k.Type {
	case schema.OffsetsCommit, schema.OffsetsLegacyCommit:
		value, _ := v.(*schema.OffsetCommitValue)
		s.replayOffset(r, k, value)
	case schema.OffsetsGroupMetadata:
		value, _ := v.(*schema.GroupMetadataValue)
		s.replayGroup(k.Group, value)
	default:
		s.replayConsumer(k, v)
	}
	return nil
}
