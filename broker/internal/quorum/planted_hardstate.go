//go:build planted_quorum_hardstate

package quorum

// plantedHardState: term and vote are never saved.
const plantedHardState = true
