//go:build !planted_storage_nodeleteentry

package storage

const plantedNoDeleteEntry = false
