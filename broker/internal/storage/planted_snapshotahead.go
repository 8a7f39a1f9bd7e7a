//go:build planted_storage_snapshotahead

package storage

// plantedSnapshotAhead: a producer snapshot above the log end is used.
const plantedSnapshotAhead = true
