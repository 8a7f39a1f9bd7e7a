// Package schema holds the records that Kafka writes into its own logs, byte for byte: those of the
// metadata log (__cluster_metadata) and of __consumer_offsets. It is pure: bytes in, values out.
//
// Place in the road of the bytes: the controller turns decisions into records with it, the metadata
// loader turns committed batches back into records; the group coordinator does both with
// __consumer_offsets. A metadata record is the value of a log record whose key is null:
//
//	value = uvarint frame version (1) | uvarint api key | uvarint version | message
//
// A record of __consumer_offsets has both, and its latest value under a key counts; no value is a
// tombstone:
//
//	key   = int16 type | fields
//	value = int16 version | message
//
// Invariants: what is decoded can be encoded again without loss: a metadata record type or version
// that this package does not know is carried as Opaque, an unknown tagged field in Tags. Decoding is strict
// and bounded: bytes that are cut off, left over, or that announce more than they hold are an
// error, never a panic, and no more memory is taken than a small multiple of the input.
//
// Concurrency: functions are pure; records are plain values that belong to whoever made them.
// Decoded records own their memory and do not alias the input.
//
// Files: record.go (the Record interface, framing, the table of types), coder.go (the primitive
// types of Kafka's flexible encoding, both directions), broker_records.go, topic_records.go,
// cluster_records.go, quota_records.go (the messages), opaque.go; offsets_key.go, offsets_value.go
// (keys and framed values of __consumer_offsets), offsets_classic.go, offsets_consumer.go (their
// messages).
package schema
