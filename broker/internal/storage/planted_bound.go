//go:build planted_storage_bound

package storage

// plantedBound: the bound of a read is off by one batch.
const plantedBound = true
