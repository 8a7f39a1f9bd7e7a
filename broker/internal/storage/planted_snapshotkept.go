//go:build planted_storage_snapshotkept

package storage

// plantedSnapshotKept: truncation keeps the producer snapshots above its end.
const plantedSnapshotKept = true
