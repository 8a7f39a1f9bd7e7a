//go:build planted_vfs_nolock

package vfs

// plantedNoLock opens the lock file of a directory and takes no lock.
const plantedNoLock = true
