//go:build !planted_clean_sequence

package clean

const plantedSequence = false
