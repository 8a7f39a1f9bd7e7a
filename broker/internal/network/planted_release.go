//go:build planted_network_release

package network

// plantedRelease: a request does not hold on to the buffer it aliases.
const plantedRelease = true
