//go:build planted_data_anyepoch

package data

// A session takes requests of any epoch.
const plantedAnyEpoch = true
