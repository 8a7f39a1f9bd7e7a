//go:build planted_storage_holereplayed

package storage

// plantedHoleReplayed: what the commit log has is replayed although it does not continue the log.
const plantedHoleReplayed = true
