//go:build planted_metadata_epoch

package metadata

// plantedEpoch leaves the leader epoch as it is when a leader is elected.
const plantedEpoch = true
