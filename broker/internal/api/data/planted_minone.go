//go:build planted_data_minone

package data

// The first batch counts against max_bytes.
const plantedNoMinOne = true
