//go:build planted_quorum_noterm

package quorum

// plantedNoTerm: a conflicting suffix stays in the log when other entries take its place.
const plantedNoTerm = true
