//go:build !planted_vfs_nolock

package vfs

const plantedNoLock = false
