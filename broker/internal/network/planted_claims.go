//go:build planted_network_claims

package network

// The size that a frame announces buys it time.
const plantedClaimsBuyTime = true
