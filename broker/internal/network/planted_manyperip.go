//go:build planted_network_manyperip

package network

// Connections of an address are not counted.
const plantedManyPerIP = true
