//go:build planted_clean_sequence

package clean

// plantedSequence: the last sequence number of a producer goes with its records.
const plantedSequence = true
