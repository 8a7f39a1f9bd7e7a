//go:build planted_storage_swaporder

package storage

// plantedSwapOrder: a cleaned segment gets its name before those that it replaces are durably gone.
const plantedSwapOrder = true
