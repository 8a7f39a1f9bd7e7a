//go:build !planted_network_overlap

package network

const plantedOverlap = false
