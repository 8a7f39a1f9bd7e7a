//go:build !planted_storage_replayignored

package storage

const plantedReplayIgnored = false
