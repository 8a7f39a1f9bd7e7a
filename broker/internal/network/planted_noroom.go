//go:build planted_network_noroom

package network

// Memory that slow clients hold is counted, and nobody is closed.
const plantedNoRoom = true
