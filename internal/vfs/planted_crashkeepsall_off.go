//go:build !planted_vfs_crashkeepsall

package vfs

const plantedCrashKeepsAll = false
