//go:build planted_storage_lastonly

package storage

// plantedLastOnly: a restart remembers the last batch of each producer only.
const plantedLastOnly = true
