//go:build planted_commitlog_anygeneration

package commitlog

// plantedAnyGeneration: old entries of a recycled file are read as new ones.
const plantedAnyGeneration = true
