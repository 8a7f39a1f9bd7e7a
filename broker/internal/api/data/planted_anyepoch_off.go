//go:build !planted_data_anyepoch

package data

const plantedAnyEpoch = false
