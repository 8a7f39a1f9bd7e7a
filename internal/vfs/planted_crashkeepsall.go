//go:build planted_vfs_crashkeepsall

package vfs

// plantedCrashKeepsAll lets unsynced state survive every crash.
const plantedCrashKeepsAll = true
