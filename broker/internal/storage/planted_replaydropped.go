//go:build planted_storage_replaydropped

package storage

// plantedReplayDropped: what is to be replayed is removed before it is durable in the segments.
const plantedReplayDropped = true
