//go:build !planted_storage_snapshotahead

package storage

const plantedSnapshotAhead = false
