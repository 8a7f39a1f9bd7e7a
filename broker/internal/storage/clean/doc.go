// Package clean decides what compaction keeps: the newest record of each key, tombstones and
// transaction markers until their time has come, nothing of aborted transactions. It turns batches
// into batches; files, clocks and locks are storage's.
//
// A round has two passes over the log, oldest batch first. The first (Cleaner.Index) reads what has been appended
// since the last round and remembers the newest offset of every key; when the map is full it ends
// there, and the round covers only what has been read. The second (Cleaner.Filter) reads the log from its
// beginning to where the round ends and copies what stays.
//
// Invariants:
//   - No offset changes. A batch keeps its base offset, its last offset, its times, its compression
//     and its producer's numbers, whatever is dropped from it.
//   - The newest record of a key at or below the covered offset survives, unless it is a tombstone whose
//     delete horizon has passed; a record at or above the covered offset always survives.
//   - A batch of which nothing is dropped is copied byte for byte, unless it needs a delete horizon.
//   - What is read was checked against its checksum first, in both passes: a damaged batch ends
//     the round with an error.
//   - Memory: the map within its budget, one batch in plain form, and what transactions are open.
//
// Two keys are the same if their keyed 128-bit hashes are. The key of the hash is new for every process, so that nobody
// can look for keys that collide.
//
// Concurrency: a Cleaner serves one goroutine at a time.
//
// Files: hash.go (the keyed hash), offset_map.go, transactions.go (whose data is aborted, which
// markers are still needed), cleaner.go (the two passes), filter.go (what stays of a batch).
package clean
