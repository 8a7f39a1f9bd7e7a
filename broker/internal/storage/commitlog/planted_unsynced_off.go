//go:build !planted_commitlog_unsynced

package commitlog

const plantedUnsynced = false
