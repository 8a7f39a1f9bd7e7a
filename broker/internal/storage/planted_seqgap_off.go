//go:build !planted_storage_seqgap

package storage

const plantedSeqGap = false
