//go:build !planted_storage_earlyfree

package storage

const plantedEarlyFree = false
