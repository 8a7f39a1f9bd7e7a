//go:build !planted_network_noroom

package network

const plantedNoRoom = false
