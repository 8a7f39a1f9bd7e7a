//go:build planted_storage_skipfsync

package storage

// plantedSkipFsync: the flushed end is published without fdatasync.
const plantedSkipFsync = true
