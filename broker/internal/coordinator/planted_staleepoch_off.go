//go:build !planted_coordinator_staleepoch

package coordinator

const plantedStaleEpoch = false
