//go:build planted_storage_recoveredunsynced

package storage

// plantedRecoveredUnsynced: recovered bytes count as flushed without fdatasync.
const plantedRecoveredUnsynced = true
