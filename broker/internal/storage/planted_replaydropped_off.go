//go:build !planted_storage_replaydropped

package storage

const plantedReplayDropped = false
