//go:build planted_storage_replayignored

package storage

// plantedReplayIgnored: what cannot be read of a file that is to be replayed is passed over.
const plantedReplayIgnored = true
