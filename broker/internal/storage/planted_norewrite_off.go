//go:build !planted_storage_norewrite

package storage

const plantedNoRewrite = false
