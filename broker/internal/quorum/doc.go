// Package quorum is the metadata quorum: etcd's Raft (go.etcd.io/raft/v3) made small. It agrees
// with the other voters on one sequence of record batches and hands each committed one to a
// Machine. What is in a batch is not its business.
//
// Place in the road of the bytes: the controller proposes batches, quorum makes them durable on a
// majority, the metadata loader gets them back through Machine.Apply. A lone broker is a quorum
// of one and runs the same code.
//
// # Entries and offsets
//
// One decision is one Raft entry is one record batch, and a batch of N records takes N offsets of
// the log of __cluster_metadata, so that Kafka's tools read our metadata log record by record.
// Raft's index therefore is not the offset: entryLog keeps a table from index to base offset and
// rebuilds it at open from the batch headers. The term is the batch's leader epoch. Entries that
// Raft makes for itself (the empty one that opens a term, membership changes) are control batches
// of one record; docs/format/metadata-log.md has the bytes. Messages between voters are raftpb
// messages whose entries carry the log's batches, so the logs of all voters are equal byte for
// byte.
//
// # Order of effects
//
// Advance handles one raft.Ready in this order and stops at the first error, for good:
//
//  0. make a snapshot that Raft has accepted the beginning of log and Machine (snapshot.go),
//  1. append the entries to the log (after cutting a conflicting suffix) and sync it,
//  2. replace the state file if term or vote changed, or a membership entry became committed,
//  3. send the messages,
//  4. apply committed entries (Machine.Apply),
//  5. tell a changed State (Machine.Lead); a lost leadership is told before 4, a won one after it.
//
// A full disk is no error: Advance does nothing more until 1 and 2 have found room, and proposals are refused with ErrNoRoom
// (S-11). No message leaves meanwhile, so that the others elect a leader that has room.
//
// Nothing is sent or applied that is not durable here (S-06): without it a single voter loses what
// it acknowledged (etcd issue 14370). The commit index is saved only along with one of the
// reasons of 2 and at Close: Raft finds it again. The reason "a membership entry became
// committed" is safety, not tidiness: a voter that forgets it would count votes by an
// outdated set of voters.
//
// # Time and randomness
//
// Core has no clock, goroutine or source of randomness. Tick moves its time, Options.Rand draws
// the election timeouts. raft itself draws them from crypto/rand with no way to seed it, so its
// election timer is never run: a follower or candidate is ticked by RawNode.TickQuiesced, which
// only ages the leader's lease, and Core's own timer (election.go) calls Campaign. A leader is
// ticked by RawNode.Tick, which draws nothing. For the simulator this means: the same
// seed, ticks, messages and proposals give the same bytes. Ticks that come late are not made up
// for: one call is one tick.
//
// # Concurrency
//
// Core is not safe for concurrent use. Runner owns a Core in one goroutine; Machine and Transport
// are called there and may call Core's methods except Advance, Tick, Step and Close.
//
// # Files
//
// options.go (Options, bounds, the interfaces to implement), core.go (open and inputs), ready.go
// (Advance), election.go (the timer), membership.go (changes of the voters), compact.go (the floor), snapshot.go (other voters'
// snapshots), inspect.go (what a watcher may see),
// entrylog.go (raft.Storage over the log), entrylog_read.go (older entries from the log, rebuild),
// tail.go (recent entries in memory), entry.go (entry to batch and back), message.go (bytes between
// voters), statefile.go (term, vote, commit), raftlogger.go (raft's log lines to slog), runner.go
// (the shell: goroutine, clock, queues).
package quorum
