//go:build planted_storage_adoptunfinished

package storage

// A start takes an unfinished copy for the log.
const plantedAdoptUnfinished = true
