// Package coordinatortest steps a coordinator's machine by hand, in tests: a partition in memory whose high watermark the test
// moves, and one shard over it.
//
// Place in the road of the bytes: none; it stands where replica stands in the broker.
//
// Concurrency: none; everything runs on the test's goroutine.
//
// Files: log.go (Log, the partition), shard.go (Shard, a machine that is stepped).
package coordinatortest
