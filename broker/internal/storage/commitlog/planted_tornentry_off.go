//go:build !planted_commitlog_tornentry

package commitlog

const plantedTornEntry = false
