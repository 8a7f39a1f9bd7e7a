// Package history records what clients of a log saw and judges it: which acknowledged records
// were lost, doubled, moved, reordered, or shown although their transaction was aborted.
//
// It stands outside the road of the bytes. The simulator feeds it while it runs, and a harness
// with real processes feeds it from files (docs/format/history.md). It knows nothing of the
// broker: a History is a list of operations of clients on keys (topic-partitions), each with
// what it sent, what it read and how it ended.
//
// # Invariants
//
//   - A value is sent at most once to a key, so a value names its writer.
//   - Operations are numbered in the order of their invocation, and time does not go back.
//   - A process does one operation after the other; after an outcome that stays open its client
//     goes on under a new process id.
//   - Check is a pure function: the same history and options give the same report, in the same order.
//
// # Cost
//
// Operations and micro-operations lie in flat arrays, values and keys are interned to 32-bit ids.
// Every check is linear in the micro-operations, apart from one sort of the values by offset.
//
// # Concurrency
//
// None: a History belongs to one goroutine. There is no clock and no randomness in here.
//
// # Files
//
//   - op.go: operations, micro-operations and outcomes
//   - history.go: recording; intern.go: ids of values
//   - check.go: options, Check and the report; kind.go: the anomalies
//   - index.go: what every check looks things up in
//   - check_values.go: lost, unseen, aborted, precommitted, phantom; check_offsets.go: inconsistent
//     offsets, duplicates; check_order.go: skips and steps back; check_cycles.go: cycles
//   - graph.go: strongly connected components and shortest cycles
//   - measure.go: figures that are reported and not judged
//   - event.go, encode.go, decode.go, node.go, json.go, edn.go: files of histories
//   - html.go, report.html: the report for people
package history
