//go:build !planted_quorum_hardstate

package quorum

const plantedHardState = false
