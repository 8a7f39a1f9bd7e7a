// Package metrics is how a process tells its numbers to Prometheus: families with names and meanings, a writer
// of the text format, and a histogram that is cheap to feed.
//
// Place in the road of the bytes: beside it. Counters live where the counting is done (connections, partitions,
// directories) as plain or atomic integers; whoever serves a scrape sums them up and writes them here. So nothing
// is looked up by label while requests are served.
//
// Invariants: a family is written once per scrape, all its samples together, and only families that are known
// by a variable can be written, so that a page listing the variables lists everything.
//
// Concurrency: a Histogram may be fed and read from anywhere; a Writer and a Snapshot belong to one goroutine.
//
// Files: family.go (Family), writer.go (the text format), histogram.go, process.go (the Go runtime and the process).
package metrics
