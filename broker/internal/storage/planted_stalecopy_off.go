//go:build !planted_storage_stalecopy

package storage

const plantedStaleCopy = false
