//go:build !planted_storage_bound

package storage

const plantedBound = false
