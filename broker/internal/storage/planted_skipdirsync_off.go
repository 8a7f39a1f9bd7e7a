//go:build !planted_storage_skipdirsync

package storage

const plantedSkipDirSync = false
