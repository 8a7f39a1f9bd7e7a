//go:build planted_vfs_syncretry

package vfs

// plantedSyncRetry lets a sync after a failed one write what the failed one dropped.
const plantedSyncRetry = true
