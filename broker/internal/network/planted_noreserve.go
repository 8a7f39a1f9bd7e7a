//go:build planted_network_noreserve

package network

// Huge requests may take all of the memory budget.
const plantedNoReserve = true
