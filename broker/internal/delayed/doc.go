// Package delayed parks operations until something happens or their deadline passes; Kafka
// calls the place a purgatory.
//
// Place in the road of the bytes: api parks a Produce with acks=all here until the high watermark
// of each of its partitions has passed its records, and a Fetch until there are enough bytes.
// replica signals the high watermark.
//
// An operation (Op) watches one or more Lists, one per partition, each with a threshold. It ends
// exactly once: when enough of its watches have fired, when its deadline passes, or when its owner
// cancels it. Whoever ends it first detaches it from everything else before anybody is told, so an Op may
// be used again as soon as it has ended.
//
// Invariant: every parked operation ends within its deadline plus one tick of the Wheel.
//
// Concurrency: Lists, Wheels and Ops may be used from any goroutine. No lock is held while an operation's
// End runs. The package reads no clock: time is an argument. The goroutine that drives a
// Wheel is in clock.go, which is a shell.
//
// Files: op.go (Op), list.go (List: waiting for a partition), wheel.go (Wheel: waiting for a time),
// clock.go (shell that advances a Wheel).
package delayed
