//go:build !planted_quorum_dieofnoroom

package quorum

const plantedDieOfNoRoom = false
