//go:build planted_storage_fencedepoch

package storage

// plantedFencedEpoch: an older producer epoch is let in.
const plantedFencedEpoch = true
