//go:build !planted_network_noreserve

package network

const plantedNoReserve = false
