//go:build !planted_quorum_confcommit

package quorum

const plantedConfCommit = false
