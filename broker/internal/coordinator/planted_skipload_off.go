//go:build !planted_coordinator_skipload

package coordinator

const plantedSkipLoad = false
