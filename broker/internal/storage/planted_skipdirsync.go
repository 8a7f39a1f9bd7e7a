//go:build planted_storage_skipdirsync

package storage

// plantedSkipDirSync: the directory of a new segment is not synced.
const plantedSkipDirSync = true
