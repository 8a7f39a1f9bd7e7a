//go:build !planted_storage_lastonly

package storage

const plantedLastOnly = false
