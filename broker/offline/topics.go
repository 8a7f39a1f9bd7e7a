package offline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Decoded is a record in text. A part that is not there is nil.
type Decoded struct{ Key, Value *string }

func onlyKey(format string, args ...any) Decoded {
	text := fmt.Sprintf(format, args...)
	return Decoded{Key: &text}
}

func onlyValue(format string, args ...any) Decoded {
	text := fmt.Sprintf(format, args...)
	return Decoded{Value: &text}
}

// Decoder turns the records of one topic into text, as kafka-dump-log prints them. A damaged record is
// told in the text, so that the records after it are still seen; an error is a topic of another kind.
type Decoder func(offset int64, r batch.Record) (Decoded, error)

// The families of records.txt.
const (
	familyMetadata    = "metadata"
	familyGroup       = "group"
	familyTransaction = "transaction"
	familyShare       = "share"
	familyControl     = "control"
	familyConsumer    = "consumer"
)

// DecodeMetadata decodes the records of __cluster_metadata.
func DecodeMetadata(offset int64, r batch.Record) (Decoded, error) {
	o, err := metadataRecord(r.Value)
	if err != nil {
		return onlyValue("Error at %d, skipping. %s", offset, err), nil
	}
	return onlyValue("%s", o), nil
}

// metadataRecord reads frame version, type and version, all unsigned varints, and then the record.
func metadataRecord(value []byte) (Object, error) {
	in := &reader{rest: value}
	frame, id, version := in.uvarint(), in.uvarint(), in.uvarint()
	switch {
	case in.err != nil:
		return nil, in.err
	case frame != 1:
		return nil, fmt.Errorf("Could not deserialize metadata record due to unknown frame version %d(only frame version 1 is supported)", frame)
	}
	s, known, ok := find(familyMetadata, int16(id), int16(version))
	switch {
	case !known:
		return nil, fmt.Errorf("Unknown metadata id %d", id)
	case !ok:
		return nil, fmt.Errorf("Can't read version %d of %s", version, s.name)
	}
	data := s.shape.decode(in)
	if in.err != nil {
		return nil, in.err
	}
	if len(in.rest) > 0 {
		return nil, fmt.Errorf("Found %d byte(s) of garbage after %s", len(in.rest), s.name)
	}
	return Object{{"type", s.name}, {"version", version}, {"data", data}}, nil
}

// DecodeOffsets decodes the records of __consumer_offsets.
func DecodeOffsets(offset int64, r batch.Record) (Decoded, error) {
	return coordinatorRecord(familyGroup, offset, r, openMembers)
}

// DecodeTransactions decodes the records of __transaction_state.
func DecodeTransactions(offset int64, r batch.Record) (Decoded, error) {
	return coordinatorRecord(familyTransaction, offset, r, nameStatus)
}

// DecodeShareState decodes the records of __share_group_state.
func DecodeShareState(offset int64, r batch.Record) (Decoded, error) {
	return coordinatorRecord(familyShare, offset, r, nil)
}

// coordinatorRecord: the key begins with the type, the value with its version; no value deletes.
// open may replace fields of the value.
func coordinatorRecord(family string, offset int64, r batch.Record, open func(id int16, value Object)) (Decoded, error) {
	if r.Key == nil {
		return Decoded{}, fmt.Errorf("Failed to decode message at offset %d using the specified decoder (message had a missing key)", offset)
	}
	key, value, err := KeyValue(family, r)
	var unknown UnknownType
	switch {
	case errors.As(err, &unknown):
		return onlyKey("Unknown record type %d at offset %d, skipping.", unknown.ID, offset), nil
	case err != nil:
		return onlyKey("Error at offset %d, skipping. %s", offset, err), nil
	}
	keyText, valueText := Object{{"type", strconv.Itoa(int(key.Version))}, {"data", key.Data}}.String(), "<DELETE>"
	if value != nil {
		if open != nil {
			open(key.Version, value.Data)
		}
		valueText = Object{{"version", strconv.Itoa(int(value.Version))}, {"data", value.Data}}.String()
	}
	return Decoded{&keyText, &valueText}, nil
}

// Versioned is a key with its type, or a value with its version.
type Versioned struct {
	Version int16
	Data    Object
}

// UnknownType is a type of records that Kafka 4.4 does not have.
type UnknownType struct{ ID int16 }

func (u UnknownType) Error() string { return fmt.Sprintf("unknown record type %d", u.ID) }

// KeyValue reads a record of a coordinator's topic: family is group, transaction or share. value is
// nil for one that deletes. Errors: UnknownType, or in words.
func KeyValue(family string, r batch.Record) (key Versioned, value *Versioned, err error) {
	if len(r.Key) < 2 {
		return key, nil, errors.New("the key has no type")
	}
	id := int16(binary.BigEndian.Uint16(r.Key))
	s, _, ok := find(family+"-key", id, 0)
	if !ok {
		return key, nil, UnknownType{id}
	}
	in := &reader{rest: r.Key[2:]}
	key = Versioned{id, s.shape.decode(in)}
	if in.err != nil {
		return key, nil, fmt.Errorf("Could not read record with version %d from key's buffer due to: %s.", id, in.err)
	}
	if r.Value == nil {
		return key, nil, nil
	}
	if len(r.Value) < 2 {
		return key, nil, errors.New("Could not read version from value's buffer due to: Can't read that version.")
	}
	version := int16(binary.BigEndian.Uint16(r.Value))
	s, _, ok = find(family+"-value", id, version)
	if !ok {
		return key, nil, fmt.Errorf("Could not read record with version %d from value's buffer due to: Can't read that version.", version)
	}
	in = &reader{rest: r.Value[2:]}
	value = &Versioned{version, s.shape.decode(in)}
	if in.err != nil {
		return key, nil, fmt.Errorf("Could not read record with version %d from value's buffer due to: %s.", version, in.err)
	}
	return key, value, nil
}

// statuses are the names of a transaction's states.
var statuses = []string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}

// nameStatus replaces the number of a transaction's state by its name.
func nameStatus(_ int16, value Object) {
	for i, m := range value {
		n, ok := m.Value.(int64)
		if m.Name == "transactionStatus" && ok && n >= 0 && n < int64(len(statuses)) {
			value[i].Value = statuses[n]
		}
	}
}

// groupMetadata is the type of a classic group, whose members' bytes clients have made.
const groupMetadata = 2

// openMembers replaces what members of a group of consumers have written by what it says, if it can be read.
func openMembers(id int16, value Object) {
	members, _ := value.Get("members").([]any)
	if id != groupMetadata || value.Get("protocolType") != "consumer" {
		return
	}
	for _, m := range members {
		member, _ := m.(Object)
		for i := range member {
			shape := map[string]int16{"subscription": 0, "assignment": 1}
			id, isOne := shape[member[i].Name]
			b, isBytes := member[i].Value.([]byte)
			if !isOne || !isBytes || len(b) < 2 {
				continue
			}
			s, _, ok := find(familyConsumer, id, int16(binary.BigEndian.Uint16(b)))
			in := &reader{rest: b[2:]}
			if ok {
				if o := s.shape.decode(in); in.err == nil {
					member[i].Value = o
				}
			}
		}
	}
}

// Control is the record of a control batch as kafka-dump-log prints it.
func Control(r batch.Record) (string, error) {
	t, err := r.ControlType()
	if err != nil {
		return "", err
	}
	if t == batch.ControlAbort || t == batch.ControlCommit {
		epoch, err := r.EndTxn()
		return fmt.Sprintf("endTxnMarker: %s coordinatorEpoch: %d", t, epoch), err
	}
	s, known, ok := find(familyControl, int16(t), 0)
	if !known || len(r.Value) < 2 {
		return fmt.Sprintf("controlType: UNKNOWN(%d)", int16(t)), nil
	}
	if v, _, exact := find(familyControl, int16(t), int16(binary.BigEndian.Uint16(r.Value))); exact {
		s, ok = v, true
	}
	if !ok {
		return fmt.Sprintf("controlType: %s(%d)", t, int16(t)), nil
	}
	in := &reader{rest: r.Value}
	data := s.shape.decode(in)
	if in.err != nil {
		return "", in.err
	}
	name := s.name
	if t == batch.ControlLeaderChange {
		name += ":"
	}
	return name + " " + data.String(), nil
}
