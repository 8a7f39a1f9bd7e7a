//go:build !planted_storage_replayunsynced

package storage

const plantedReplayUnsynced = false
