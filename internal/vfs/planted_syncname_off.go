//go:build !planted_vfs_syncname

package vfs

const plantedSyncName = false
