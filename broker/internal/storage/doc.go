// Package storage keeps logs in Kafka's on-disk format: segments of record batches with sparse
// indexes, leader epochs and checkpoints, in data directories that know their cluster.
//
// Place in the road of the bytes: network → api → replica → storage. replica appends validated
// batches (Log.AppendClient, Log.Append, Log.AppendAsFollower) and reads regions of segment files (Log.Read →
// Slice) that network sends as they are. What goes back is the Observer: flushed end, directory
// failed. storage owns the log end and the flushed end; the high watermark is replica's.
//
// Durability, in the order of the events (ARCHITECTURE.md, "Durability, in order"):
//
//  1. Append writes the batch into its segment file before it returns; reads use segments only.
//  2. Every append to a FlushGroup log puts the log on its directory's sync queue. A round of the
//     syncer (Dir.SyncOnce) takes the whole queue: what the logs owe is taken from copies in memory, or read back from their
//     segments, and goes into the commit log with one write and one fdatasync; a log that owes much, or has no room there, has
//     its segments synced. Then it publishes the flushed ends and tells the observers.
//  3. Sealed segments are synced and their index files written soon after (Dir.SweepOnce), all others when
//     the commit log wants its space back or enough has been appended: fdatasync, the directory if it has new names,
//     then the checkpoints, and only then a file of the commit log is used again.
//     The recovery point follows these syncs and is checkpointed after the index and epoch
//     files below it are durable. A clean stop syncs all segments, removes the commit log, and leaves a marker as
//     its last act; a start takes it away, durably, before anything else. Without it, what the commit log has of each
//     partition is put aside first; a log is scanned from its recovery point
//     and cut at the first bad batch, what continues it is replayed, and all that is synced before it counts as flushed
//     (the last segment of a FlushOS log is left to the kernel, as it was).
//     Truncation, reset, log start and deletion are entries of the commit log before they take effect.
//  4. A failed fsync, write or truncation, other than for lack of room, takes the directory
//     offline until the next start; everything in it then answers ErrOffline. Word of it is left
//     in the directory, so that the next start copies what it recovers instead of trusting the
//     system's cache.
//     A disk that does not answer makes the directory refuse what would write, and later takes it
//     offline (Dir.Watch); reads do not notice.
//  5. Lack of room refuses clients first, at a reserve, and lets them in again by itself. A file
//     that cannot be replaced for lack of room is tried again later; the recovery point waits.
//
// Creating waits for no disk: a partition's directory and whose it is are durable, the log is established, before its first
// byte is written (establish.go). One that a crash has left without an identity holds nothing and is made anew.
//
// Deleting: the log start moves first and durably, then segments below it leave the log, get Kafka's suffix .deleted and wait in
// the directory's trash until Dir.Unlink takes them, a portion at a time; a log that is removed waits there as a directory
// with Kafka's suffix -delete. Nobody who appends, reads or syncs waits for any of it.
//
// Producers: the state of idempotent and transactional producers is a fold over the batches
// (producers.go), checked and changed under the lock of the append that it decides about. It is
// snapshotted in Kafka's format for the end of each sealed segment and at a clean stop; at open and after a
// truncation it is the newest snapshot below the end plus the batches after it. What Kafka's snapshot
// does not hold, four of the five batches of a producer, is in a file of ours beside it.
//
// Invariants: LogStartOffset <= FlushedEndOffset <= LogEndOffset. The recovery point on disk is
// never above what is durable, and is lowered before a truncation. A byte below a segment's
// published size does not change while it can be read: truncation of a pinned file copies the kept
// prefix. Index files, epoch file, producer snapshots and state are functions of the batches and
// can be deleted. A producer snapshot is never above what is durable, and those above the log end
// are gone before anything is appended there.
//
// Concurrency: everything exported is safe for concurrent use. The package starts two goroutines
// per Dir, in syncer_loop.go, and a few that Close waits for, in dir_close.go; everything else runs on the caller, takes time as an argument and
// reaches files only through vfs.FS. Lock order is at Log.
//
// Compaction (log_clean.go) reads sealed, synced segments below the last stable offset and writes what
// stays into new ones, which take the place of groups of the old by Kafka's swap (log_clean_swap.go).
// A log that was compacted may have gaps between batches for good.
//
// Formats are described in docs/format/log.md and docs/format/commit-log.md.
//
// Files: dir.go, dir_open.go, dir_close.go, establish.go, dir_points.go, dir_clean.go (data directory, identity, offset checkpoints),
// meta.go (meta.properties, marker, partition.metadata), checkpoint.go, atomicfile.go (text
// checkpoints, replacing files), log.go and log_*.go (one activity of a log each; log_retention.go also has the log start's moves,
// log_remove.go the trash), segment.go,
// segment_index.go, index.go (segments and their indexes), scan.go (walking batches in a file),
// epochs.go (leader epochs), file.go (open files under a budget), syncer.go (queue and round),
// syncer_loop.go (its goroutines), commit.go (what is known of the commit log), commit_round.go (a round through it), commit_kept.go (what it need not read back),
// commit_sweep.go (what is left for later), commit_recover.go (its end, and what a crash left),
// standalone.go (a log outside a Dir), producers.go,
// producer_snapshot.go, producer_window.go, log_producers.go (idempotent producers), txn_index.go, log_txn.go (aborted
// transactions), space.go (the reserve), stall.go (hanging operations), dir_future.go, future.go (copies of
// logs that move to another directory), parked.go (what a log takes along that is taken aside), config.go, errors.go; log_vouch.go (files that somebody put
// there), survey.go (what tools need that work on a log nobody has open).
package storage
