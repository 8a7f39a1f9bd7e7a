//go:build planted_storage_earlyfree

package storage

// plantedEarlyFree: files of the commit log are used again before the segments are synced.
const plantedEarlyFree = true
