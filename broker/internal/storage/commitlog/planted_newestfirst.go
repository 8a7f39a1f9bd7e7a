//go:build planted_commitlog_newestfirst

package commitlog

// plantedNewestFirst: what a crash has left of the ring is removed from the newest file on.
const plantedNewestFirst = true
