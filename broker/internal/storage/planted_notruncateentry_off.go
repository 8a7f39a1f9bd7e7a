//go:build !planted_storage_notruncateentry

package storage

const plantedNoTruncateEntry = false
