package schema

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Key is the api key of a metadata record: its type.
type Key int16

// Record types of the metadata log (metadata/src/main/resources/common/metadata of Apache Kafka
// 4.3). Types without a struct here travel as Opaque.
const (
	KeyRegisterBroker           Key = 0
	KeyUnregisterBroker         Key = 1
	KeyTopic                    Key = 2
	KeyPartition                Key = 3
	KeyConfig                   Key = 4
	KeyPartitionChange          Key = 5
	KeyFenceBroker              Key = 7
	KeyUnfenceBroker            Key = 8
	KeyRemoveTopic              Key = 9
	KeyFeatureLevel             Key = 12
	KeyClientQuota              Key = 14
	KeyProducerIDs              Key = 15
	KeyBrokerRegistrationChange Key = 17
	KeyNoOp                     Key = 20
	KeyBeginTransaction         Key = 23
	KeyEndTransaction           Key = 24
	KeyAbortTransaction         Key = 25
	KeyClearElr                 Key = 28
)

// frameVersion is the only version of the frame around a message.
const frameVersion = 1

var (
	// ErrCorrupt is returned for bytes that are not a record: cut off, left over, a count or
	// length larger than what is there, a field out of order.
	ErrCorrupt = errors.New("metadata record is corrupt")
	// ErrVersion is returned by Append when the version cannot carry a field that is set, or
	// does not exist.
	ErrVersion = errors.New("metadata record version cannot carry the record")
)

// Record is one metadata record: a pointer to one of the structs of this package.
type Record interface {
	// Key is the record's type.
	Key() Key
	// code reads or writes the message at a version between 0 and the type's latest one.
	code(c *coder, version int16)
}

// kind describes a record type that this package can take apart.
type kind struct {
	key    Key
	latest int16
	make   func() Record
}

// kindOf returns the description of a type, or nil. A switch and not a map, so that there is no
// package state.
func kindOf(key Key) *kind {
	for i := range kinds {
		if kinds[i].key == key {
			return &kinds[i]
		}
	}
	return nil
}

// kinds is read-only.
var kinds = [...]kind{
	{KeyRegisterBroker, 4, func() Record { return new(RegisterBrokerRecord) }},
	{KeyUnregisterBroker, 0, func() Record { return new(UnregisterBrokerRecord) }},
	{KeyTopic, 0, func() Record { return new(TopicRecord) }},
	{KeyPartition, 2, func() Record { return new(PartitionRecord) }},
	{KeyConfig, 0, func() Record { return new(ConfigRecord) }},
	{KeyPartitionChange, 2, func() Record { return NewPartitionChange() }},
	{KeyFenceBroker, 0, func() Record { return new(FenceBrokerRecord) }},
	{KeyUnfenceBroker, 0, func() Record { return new(UnfenceBrokerRecord) }},
	{KeyRemoveTopic, 0, func() Record { return new(RemoveTopicRecord) }},
	{KeyFeatureLevel, 0, func() Record { return new(FeatureLevelRecord) }},
	{KeyClientQuota, 0, func() Record { return new(ClientQuotaRecord) }},
	{KeyProducerIDs, 0, func() Record { return new(ProducerIDsRecord) }},
	{KeyBrokerRegistrationChange, 3, func() Record { return new(BrokerRegistrationChangeRecord) }},
	{KeyNoOp, 0, func() Record { return new(NoOpRecord) }},
	{KeyBeginTransaction, 0, func() Record { return new(BeginTransactionRecord) }},
	{KeyEndTransaction, 0, func() Record { return new(EndTransactionRecord) }},
	{KeyAbortTransaction, 0, func() Record { return new(AbortTransactionRecord) }},
	{KeyClearElr, 0, func() Record { return new(ClearElrRecord) }},
}

// LatestVersion returns the newest version of the type that this package writes and takes apart;
// ok is false for types that travel as Opaque.
func LatestVersion(key Key) (version int16, ok bool) {
	if k := kindOf(key); k != nil {
		return k.latest, true
	}
	return 0, false
}

// Decode reads the value of one record of the metadata log. A type or version that is not known
// is returned as *Opaque with no error. The result does not alias value. Errors: ErrCorrupt.
func Decode(value []byte) (r Record, version int16, err error) {
	c := &coder{buf: value}
	frame, key, ver := c.uvarint32(), c.uvarint32(), c.uvarint32()
	switch {
	case c.err != nil:
		return nil, 0, c.err
	case frame != frameVersion:
		return nil, 0, fmt.Errorf("%w: frame version %d", ErrCorrupt, frame)
	case key > math.MaxInt16 || ver > math.MaxInt16:
		return nil, 0, fmt.Errorf("%w: api key %d version %d", ErrCorrupt, key, ver)
	}
	version = int16(ver)
	k := kindOf(Key(key))
	if k == nil || version > k.latest {
		return &Opaque{Type: Key(key), Body: append([]byte(nil), c.buf...)}, version, nil
	}
	r = k.make()
	r.code(c, version)
	if c.err == nil && len(c.buf) != 0 {
		c.fail("%d bytes are left over", len(c.buf))
	}
	if c.err != nil {
		return nil, 0, fmt.Errorf("api key %d version %d: %w", key, version, c.err)
	}
	return r, version, nil
}

// Append appends the framed record to dst. Errors: ErrVersion if the version is unknown for the
// type or cannot carry a field that is set.
func Append(dst []byte, r Record, version int16) ([]byte, error) {
	if _, opaque := r.(*Opaque); !opaque {
		if k := kindOf(r.Key()); k == nil || version < 0 || version > k.latest {
			return dst, fmt.Errorf("%w: api key %d version %d", ErrVersion, r.Key(), version)
		}
	}
	c := &coder{encode: true, buf: dst}
	c.buf = binary.AppendUvarint(c.buf, frameVersion)
	c.buf = binary.AppendUvarint(c.buf, uint64(r.Key()))
	c.buf = binary.AppendUvarint(c.buf, uint64(version))
	r.code(c, version)
	if c.err != nil {
		return dst, fmt.Errorf("api key %d version %d: %w", r.Key(), version, c.err)
	}
	return c.buf, nil
}
