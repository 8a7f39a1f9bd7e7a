//go:build planted_clean_tombstone

package clean

// plantedTombstone: a tombstone goes with the first round that finds it.
const plantedTombstone = true
