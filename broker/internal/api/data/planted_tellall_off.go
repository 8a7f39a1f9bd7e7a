//go:build !planted_data_tellall

package data

const plantedTellAll = false
