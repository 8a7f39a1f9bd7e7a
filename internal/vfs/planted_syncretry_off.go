//go:build !planted_vfs_syncretry

package vfs

const plantedSyncRetry = false
