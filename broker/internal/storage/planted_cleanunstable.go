//go:build planted_storage_cleanunstable

package storage

// plantedCleanUnstable: compaction goes up to the high watermark, over transactions that are not decided.
const plantedCleanUnstable = true
