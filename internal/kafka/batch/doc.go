// Package batch is Kafka's record batch v2 (magic 2), on the wire and on disk the same bytes: a
// view of its header, the rules for accepting one from a client, iteration over its records, and
// building one.
//
// Place in the road of the bytes: api views the records of a produce request as a Batch and has
// them validated once; replica and storage pass the same bytes on, setting only base offset and
// leader epoch; fetch sends them as they are. Recovery and followers check structure and checksum
// only (CheckStructure).
//
// Invariants:
//   - A Batch and everything reached from it (Record, Header, keys, values) alias the bytes they
//     were made from and live no longer than those.
//   - What Validator.Client accepts, every Kafka client can read: whole records, as many as the
//     header says, consecutive offsets, nothing behind them, a true largest timestamp.
//   - No count or length of the input is believed before it is compared with the bytes left, and
//     nothing is allocated by it. Input never panics.
//
// Concurrency: views may be read from many goroutines as long as nobody sets a field. A Validator,
// The only package state are pools of
// decoding buffers and Recoders. one goroutine at a time. The only package state is a pool of
// decoding buffers.
//
// Files: batch.go (the view and its byte table), check.go (structure of stored batches), validate.go
// (rules for client batches), walk.go (the hot loop over records), invalid.go (why a batch was
// refused), record.go (one record), iterate.go (records and headers), varint.go, builder.go,
// control.go (control batches), plain.go (decoding), remains.go (what compaction leaves of a
// batch), recode.go (another compression).
package batch
