//go:build planted_vfs_renamegone

package vfs

// plantedRenameGone lets changes of directories reach the disk without the ones they build on.
const plantedRenameGone = true
