//go:build !planted_storage_cleanunstable

package storage

const plantedCleanUnstable = false
