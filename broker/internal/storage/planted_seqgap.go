//go:build planted_storage_seqgap

package storage

// plantedSeqGap: a gap in a producer's sequence is not noticed.
const plantedSeqGap = true
