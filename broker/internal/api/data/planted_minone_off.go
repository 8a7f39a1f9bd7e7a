//go:build !planted_data_minone

package data

const plantedNoMinOne = false
