// Package coordinator is the runtime of everything that is a fold over the partitions of an internal topic: consumer
// groups over __consumer_offsets, and later transactions and share groups. It knows nothing of what it holds.
//
// Place in the road of the bytes: api → here → decide → append (replica) → replay → parked answer → high watermark → reply.
//
// One partition of the topic is one shard. The shard lives where the partition is led: it is loaded by replaying the
// partition up to the end that was seen on becoming the leader, while other shards serve. A Machine is what a shard
// remembers; a Turn is one decision about it.
//
// Invariants (ARCHITECTURE decision 6, RELIABILITY T-15):
//   - Durable state changes in Machine.Replay only. Soft state may change in a decision; it dies with the shard.
//   - One decision is at most one batch, appended and replayed at once. Decisions are never buffered.
//   - Every answer, of reads too, waits until the shard's highest offset of that moment is committed, or until its
//     deadline.
//   - Any failure of or after an append, loss of the leadership or of the directory discards the shard; parked callers get
//     NOT_COORDINATOR, and it is loaded again if this broker still leads. An older leader epoch is never served again.
//
// Concurrency: Core is a plain struct that one goroutine steps, with the time as an argument: no goroutine, clock or
// channel. Runtime is the shell: some loops, each with a Core for its share of the shards.
//
// Files: machine.go (Machine, what a coordinator implements), partition.go (Partition, what it stands on), turn.go (Turn),
// core.go (Core: shards, elections), shard.go (one shard's life, its answers), load.go (replay), decide.go (decision,
// append, replay), timers.go, runtime.go (the loops). coordinatortest steps a machine by hand in tests.
package coordinator
