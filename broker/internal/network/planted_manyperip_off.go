//go:build !planted_network_manyperip

package network

const plantedManyPerIP = false
