//go:build planted_quorum_dieofnoroom

package quorum

// plantedDieOfNoRoom: a full disk ends the quorum, and the process.
const plantedDieOfNoRoom = true
