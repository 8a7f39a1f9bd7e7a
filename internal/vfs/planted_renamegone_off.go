//go:build !planted_vfs_renamegone

package vfs

const plantedRenameGone = false
