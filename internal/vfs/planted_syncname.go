//go:build planted_vfs_syncname

package vfs

// plantedSyncName lets the sync of a file make its name durable.
const plantedSyncName = true
