//go:build planted_storage_unsyncedswap

package storage

// plantedUnsyncedSwap: a cleaned segment takes the place of others before it is durable.
const plantedUnsyncedSwap = true
