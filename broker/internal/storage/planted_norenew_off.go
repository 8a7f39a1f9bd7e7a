//go:build !planted_storage_norenew

package storage

const plantedNoRenew = false
