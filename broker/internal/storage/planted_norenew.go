//go:build planted_storage_norenew

package storage

// plantedNoRenew: after a failed disk recovered bytes are synced but not written again.
const plantedNoRenew = true
