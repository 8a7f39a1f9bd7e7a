//go:build !planted_storage_snapshotkept

package storage

const plantedSnapshotKept = false
