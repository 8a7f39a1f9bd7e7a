//go:build planted_network_overlap

package network

// plantedOverlap: any request may overlap any other.
const plantedOverlap = true
