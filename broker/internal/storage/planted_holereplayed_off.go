//go:build !planted_storage_holereplayed

package storage

const plantedHoleReplayed = false
