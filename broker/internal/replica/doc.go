// Package replica holds the partitions of this broker: who leads them and in which epoch, how far
// they are committed, and what a reader may see.
//
// Place in the road of the bytes: api → Partition.Append and Partition.Read → storage.Log. From
// storage come the flushed end and the news that a directory has failed (storage.Observer); from
// the metadata log come leaders, in-sync replicas and configuration (Manager.Publish). replica
// alone owns the high watermark and signals it to delayed operations.
//
// Invariants
//   - log start ≤ high watermark ≤ log end. Within one leader epoch the high watermark never
//     moves back.
//   - The high watermark is at most the smallest end over the in-sync replicas, moves
//     only while there are min.insync.replicas of them, and under flush.policy=group
//     counts flushed ends only, so that nothing a consumer has read is lost by a power cut.
//   - Nothing at or above the high watermark is shown to a consumer.
//
// Concurrency: everything may be called from any goroutine. Append and leadership changes
// exclude each other (Partition.mu); reads take a snapshot of the leadership and no lock. This
// package is a core: it starts no goroutine and reads no clock.
//
// Files: partition.go (Partition, leadership), append.go, watermark.go, read.go, offsets.go
// (ListOffsets, epochs), delete_records.go, manager.go (Manager: metadata to partitions), opening.go (logs that are not open yet), remove.go (deleted
// topics, strays), retention.go, place.go, move.go (in which data directory a log is to lie), producers.go, internal.go (what coordinators do with it), log_dirs.go, table.go (lookup on the hot path), config.go, stats.go
// (what is counted).
package replica
