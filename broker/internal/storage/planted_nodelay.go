//go:build planted_storage_nodelay

package storage

// plantedNoDelay: file.delete.delay.ms is not waited for.
const plantedNoDelay = true
