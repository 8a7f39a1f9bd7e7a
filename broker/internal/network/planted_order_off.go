//go:build !planted_network_order

package network

const plantedOrder = false
