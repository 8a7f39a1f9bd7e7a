//go:build planted_coordinator_staleepoch

package coordinator

// An older leader epoch is taken for news.
const plantedStaleEpoch = true
