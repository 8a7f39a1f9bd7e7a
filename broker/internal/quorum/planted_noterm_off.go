//go:build !planted_quorum_noterm

package quorum

const plantedNoTerm = false
