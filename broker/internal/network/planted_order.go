//go:build planted_network_order

package network

// plantedOrder: answers leave in the order of completion.
const plantedOrder = true
