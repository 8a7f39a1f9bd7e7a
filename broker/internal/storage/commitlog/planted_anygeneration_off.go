//go:build !planted_commitlog_anygeneration

package commitlog

const plantedAnyGeneration = false
