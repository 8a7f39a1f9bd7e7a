//go:build !planted_commitlog_reuse

package commitlog

const plantedReuse = false
