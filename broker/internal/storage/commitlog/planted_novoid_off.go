//go:build !planted_commitlog_novoid

package commitlog

const plantedNoVoid = false
