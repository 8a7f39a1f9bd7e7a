package schema

import (
	"encoding/binary"
	"fmt"
)

// OffsetsValue is the value of a record of __consumer_offsets: a pointer to one of the structs of
// offsets_classic.go and offsets_consumer.go.
//
//	int16 version | message
type OffsetsValue interface {
	// code reads or writes the message at a version between 0 and the type's newest one.
	code(c *coder, version int16)
}

// newestOffsetsVersion returns the newest value version of a type; ok is false for types that
// this package does not take apart. A version from flexibleOffsetsVersion on is flexible.
func newestOffsetsVersion(t OffsetsType) (version int16, ok bool) {
	switch t {
	case OffsetsCommit, OffsetsGroupMetadata:
		return 4, true
	case OffsetsLegacyCommit, OffsetsConsumerGroupEpoch, OffsetsConsumerPartitionMetadata, OffsetsConsumerMember,
		OffsetsConsumerTargetEpoch, OffsetsConsumerTargetMember, OffsetsConsumerCurrentAssignment,
		OffsetsConsumerRegularExpression:
		return 0, true
	}
	return 0, false
}

func flexibleOffsetsVersion(t OffsetsType, version int16) bool {
	return t >= OffsetsConsumerGroupEpoch || version >= 4
}

func makeOffsetsValue(t OffsetsType) OffsetsValue {
	switch t {
	case OffsetsLegacyCommit, OffsetsCommit:
		return NewOffsetCommit()
	case OffsetsGroupMetadata:
		return &GroupMetadataValue{CurrentStateTimestamp: -1}
	case OffsetsConsumerGroupEpoch:
		return new(ConsumerGroupEpochValue)
	case OffsetsConsumerPartitionMetadata:
		return new(ConsumerPartitionMetadataValue)
	case OffsetsConsumerMember:
		return new(ConsumerMemberValue)
	case OffsetsConsumerTargetEpoch:
		return new(ConsumerTargetEpochValue)
	case OffsetsConsumerTargetMember:
		return new(ConsumerTargetMemberValue)
	case OffsetsConsumerCurrentAssignment:
		return new(ConsumerCurrentAssignmentValue)
	case OffsetsConsumerRegularExpression:
		return new(ConsumerRegularExpressionValue)
	}
	return nil
}

// DecodeOffsetsValue reads the value of a record whose key has type t; it must not be a tombstone.
// The result does not alias value. Errors: ErrUnknownType; ErrVersion for a version newer than this
// package knows, as Kafka refuses it; ErrCorrupt.
func DecodeOffsetsValue(t OffsetsType, value []byte) (v OffsetsValue, version int16, err error) {
	newest, ok := newestOffsetsVersion(t)
	if !ok {
		return nil, 0, fmt.Errorf("%w: %d", ErrUnknownType, t)
	}
	c := &coder{buf: value}
	c.int16(&version)
	switch {
	case c.err != nil:
		return nil, 0, c.err
	case version < 0 || version > newest:
		return nil, 0, fmt.Errorf("%w: value of type %d version %d", ErrVersion, t, version)
	}
	c.fixed = !flexibleOffsetsVersion(t, version)
	v = makeOffsetsValue(t)
	v.code(c, version)
	if c.err == nil && len(c.buf) != 0 {
		c.fail("%d bytes are left over", len(c.buf))
	}
	if c.err != nil {
		return nil, 0, fmt.Errorf("value of type %d version %d: %w", t, version, c.err)
	}
	return v, version, nil
}

// AppendOffsetsValue appends the value of a record of type t to dst; fields that the version does
// not have are left out, as Kafka does. Errors: ErrUnknownType; ErrVersion for a version that does
// not exist; ErrCorrupt for a string longer than 32767 bytes. On error dst is returned as it was.
func AppendOffsetsValue(dst []byte, t OffsetsType, v OffsetsValue, version int16) ([]byte, error) {
	newest, ok := newestOffsetsVersion(t)
	switch {
	case !ok:
		return dst, fmt.Errorf("%w: %d", ErrUnknownType, t)
	case version < 0 || version > newest:
		return dst, fmt.Errorf("%w: value of type %d version %d", ErrVersion, t, version)
	}
	c := &coder{encode: true, buf: binary.BigEndian.AppendUint16(dst, uint16(version)), fixed: !flexibleOffsetsVersion(t, version)}
	v.code(c, version)
	if c.err != nil {
		return dst, fmt.Errorf("value of type %d version %d: %w", t, version, c.err)
	}
	return c.buf, nil
}

// noExpiry is the expire timestamp of an offset that was committed without a retention of its own,
// and the state timestamp of a group that never had one.
const noExpiry = -1
