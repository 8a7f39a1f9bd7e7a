//go:build !planted_commitlog_newestfirst

package commitlog

const plantedNewestFirst = false
