//go:build !planted_storage_fencedepoch

package storage

const plantedFencedEpoch = false
