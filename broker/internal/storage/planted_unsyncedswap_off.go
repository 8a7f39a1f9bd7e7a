//go:build !planted_storage_unsyncedswap

package storage

const plantedUnsyncedSwap = false
