//go:build !planted_vfs_nth

package vfs

const plantedNth = false
