//go:build planted_quorum_keepoldlog

package quorum

// plantedKeepOldLog: a snapshot is installed above a log that it does not continue.
const plantedKeepOldLog = true
