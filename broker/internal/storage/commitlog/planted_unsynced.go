//go:build planted_commitlog_unsynced

package commitlog

// plantedUnsynced: Commit writes and does not sync.
const plantedUnsynced = true
