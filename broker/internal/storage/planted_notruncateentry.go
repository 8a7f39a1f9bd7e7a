//go:build planted_storage_notruncateentry

package storage

// plantedNoTruncateEntry: the commit log is not told of truncations.
const plantedNoTruncateEntry = true
