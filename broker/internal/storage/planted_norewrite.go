//go:build planted_storage_norewrite

package storage

// plantedNoRewrite: recovered bytes are synced but not written again.
const plantedNoRewrite = true
