//go:build !planted_network_release

package network

const plantedRelease = false
