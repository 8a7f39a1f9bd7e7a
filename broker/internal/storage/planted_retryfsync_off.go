//go:build !planted_storage_retryfsync

package storage

const plantedRetryFsync = false
