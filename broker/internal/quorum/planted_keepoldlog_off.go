//go:build !planted_quorum_keepoldlog

package quorum

const plantedKeepOldLog = false
