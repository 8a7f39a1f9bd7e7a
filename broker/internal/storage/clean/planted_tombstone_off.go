//go:build !planted_clean_tombstone

package clean

const plantedTombstone = false
