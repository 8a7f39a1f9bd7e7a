//go:build planted_quorum_confcommit

package quorum

// plantedConfCommit: a voter may forget that a membership entry is committed.
const plantedConfCommit = true
