//go:build !planted_storage_swaporder

package storage

const plantedSwapOrder = false
