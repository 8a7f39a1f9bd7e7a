package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// OffsetsType is the type of a record of __consumer_offsets: the first two bytes of its key.
type OffsetsType int16

// Record types of __consumer_offsets (group-coordinator/src/main/resources/common/message of
// Apache Kafka 4.4) that this package takes apart. 10-15 belong to share groups, 17 and 19-23 to
// streams groups.
const (
	OffsetsLegacyCommit              OffsetsType = 0 // as OffsetsCommit, written before Kafka 0.9
	OffsetsCommit                    OffsetsType = 1
	OffsetsGroupMetadata             OffsetsType = 2
	OffsetsConsumerGroupEpoch        OffsetsType = 3
	OffsetsConsumerPartitionMetadata OffsetsType = 4 // no longer written since Kafka 4.1
	OffsetsConsumerMember            OffsetsType = 5
	OffsetsConsumerTargetEpoch       OffsetsType = 6
	OffsetsConsumerTargetMember      OffsetsType = 7
	OffsetsConsumerCurrentAssignment OffsetsType = 8
	OffsetsConsumerRegularExpression OffsetsType = 16
)

// ErrUnknownType is returned for a record of __consumer_offsets whose type is none of the
// constants above. A coordinator skips such records.
var ErrUnknownType = errors.New("record type of __consumer_offsets is not known")

// OffsetsKey is the key of any record of __consumer_offsets. It is comparable; a field that the
// type does not have is zero.
//
//	int16 type | string group | what the type adds (strings are int16 length + bytes)
type OffsetsKey struct {
	Type      OffsetsType
	Group     string
	Topic     string // 0, 1
	Partition int32  // 0, 1
	Member    string // 5, 7, 8
	Regex     string // 16
}

func (k *OffsetsKey) code(c *coder) {
	c.str(&k.Group)
	switch k.Type {
	case OffsetsLegacyCommit, OffsetsCommit:
		c.str(&k.Topic)
		code32(c, &k.Partition)
	case OffsetsConsumerMember, OffsetsConsumerTargetMember, OffsetsConsumerCurrentAssignment:
		c.str(&k.Member)
	case OffsetsConsumerRegularExpression:
		c.str(&k.Regex)
	}
}

// DecodeOffsetsKey reads a key. The result does not alias key. Errors: ErrCorrupt; ErrUnknownType,
// in which case the result holds the type and nothing else.
func DecodeOffsetsKey(key []byte) (OffsetsKey, error) {
	c := &coder{buf: key, fixed: true}
	var number int16
	c.int16(&number)
	k := OffsetsKey{Type: OffsetsType(number)}
	if c.err != nil {
		return OffsetsKey{}, c.err
	}
	if _, ok := newestOffsetsVersion(k.Type); !ok {
		return k, fmt.Errorf("%w: %d", ErrUnknownType, number)
	}
	k.code(c)
	if c.err == nil && len(c.buf) != 0 {
		c.fail("%d bytes are left over", len(c.buf))
	}
	if c.err != nil {
		return OffsetsKey{}, fmt.Errorf("key of type %d: %w", number, c.err)
	}
	return k, nil
}

// AppendOffsetsKey appends the key to dst. Errors: ErrUnknownType; ErrCorrupt for a string longer
// than 32767 bytes. On error dst is returned as it was.
func AppendOffsetsKey(dst []byte, k OffsetsKey) ([]byte, error) {
	if _, ok := newestOffsetsVersion(k.Type); !ok {
		return dst, fmt.Errorf("%w: %d", ErrUnknownType, k.Type)
	}
	c := &coder{encode: true, fixed: true, buf: binary.BigEndian.AppendUint16(dst, uint16(k.Type))}
	k.code(c)
	if c.err != nil {
		return dst, fmt.Errorf("key of type %d: %w", k.Type, c.err)
	}
	return c.buf, nil
}
