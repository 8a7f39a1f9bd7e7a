//go:build planted_storage_stalecopy

package storage

// plantedStaleCopy: what was kept of a log for the next round is taken for what the log owes without a look at truncations.
const plantedStaleCopy = true
