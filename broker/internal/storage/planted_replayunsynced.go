//go:build planted_storage_replayunsynced

package storage

// plantedReplayUnsynced: what was replayed from the commit log counts as flushed without a sync.
const plantedReplayUnsynced = true
