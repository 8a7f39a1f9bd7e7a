//go:build planted_storage_retryfsync

package storage

// plantedRetryFsync: a failed fdatasync is tried again.
const plantedRetryFsync = true
