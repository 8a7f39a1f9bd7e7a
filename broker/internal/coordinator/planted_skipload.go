//go:build planted_coordinator_skipload

package coordinator

// A shard serves before its log is replayed.
const plantedSkipLoad = true
