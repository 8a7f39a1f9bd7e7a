//go:build !planted_storage_skipfsync

package storage

const plantedSkipFsync = false
