//go:build planted_storage_nodeleteentry

package storage

// plantedNoDeleteEntry: the commit log is not told of deletions.
const plantedNoDeleteEntry = true
