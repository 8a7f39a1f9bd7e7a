//go:build !planted_storage_nostall

package storage

const plantedNoStall = false
