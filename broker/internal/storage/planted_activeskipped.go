//go:build planted_storage_activeskipped

package storage

// plantedActiveSkipped: retention never deletes the active segment.
const plantedActiveSkipped = true
