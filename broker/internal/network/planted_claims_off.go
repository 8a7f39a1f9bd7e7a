//go:build !planted_network_claims

package network

const plantedClaimsBuyTime = false
