//go:build !planted_storage_recoveredunsynced

package storage

const plantedRecoveredUnsynced = false
