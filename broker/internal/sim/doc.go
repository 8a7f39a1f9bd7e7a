// Package sim runs the cores of the broker under a simulator: one goroutine, one seed, any fault.
// Nothing in it waits, sleeps or reads a clock; the same seed gives the same run, to the last event.
//
// Place in the road of the bytes: beside it. The simulator takes the place of the shells: it ticks
// quorum.Core, carries its messages, steps the syncer of storage.Dir by SyncOnce, brings requests
// of clients to controller.Controller, replica.Partition and coordinator.Core, and crashes vfs.MemFS under them.
//
// # A run
//
// A Plan is drawn from a seed: the cluster and its limits (swarm: each seed switches a random
// subset of faults on and draws small sizes), a list of faults with their times, a list of clients. Run
// plays it: until Plan.Duration faults happen; then everything is healed and the cluster must
// converge within ConvergeWithin of virtual time (liveness); then the recorded history is checked.
// Result tells the first violation, the trace hash and what was seen (Sometimes).
//
// Each concern has a source of chance of its own (network, disk, clock, workload, faults, order of
// simultaneous events), and each fault and client one derived from its number, so that Shrink can
// take faults and clients away without shuffling the rest. It does so until nothing can be taken
// away any more; Sequence prints what remains as a Mermaid diagram.
//
// # What is checked
//
// Predicates is the table of predicates with the ids of the project's rules and the moment at which
// each is evaluated. A panic of a core, an error that it must not return, and a cluster that does not
// converge are violations as well.
//
// # Faults that are injected
//
// Network, per directed link: latency, loss, duplication and reordering (messages of the quorum;
// requests of clients are lost or late), partitions of one or both ways, resets that lose what is
// in flight. Nodes: power cut with outcomes drawn per unsynced block, with everything unsynced
// lost, or nothing (kill -9); all of them also in the middle of an operation and while starting;
// clean stop; start on an empty or an old data disk; pause; wall clocks that are off, drift and
// jump. Disks: a sync that fails, no space. A voter never loses its metadata disk: Raft does
// not survive that (C-14).
//
// # Files
//
// engine.go (events, time, chance, trace hash), network.go (links), clock.go (wall clocks), plan.go
// (what is drawn from a seed), fault.go (the faults), world.go (a run), converge.go (its end), node.go
// (a broker and voter), node_crash.go (how it ends), node_control.go (registration, heartbeats),
// node_data.go (produce, fetch), node_snapshot.go (of the metadata log), connection.go (requests),
// node_group.go (the coordinator of groups), client.go, producer.go, idempotent.go, consumer.go, member.go, modern.go (of a group), simple.go (without one), admin.go (the workload), operation.go (what of it goes into the history),
// oracle.go, oracle_meta.go, oracle_data.go, oracle_group.go (what a run should look like), predicates.go (their
// table), sometimes.go, shrink.go, sequence.go (the printed remains). The command simulate runs
// seeds.
package sim
