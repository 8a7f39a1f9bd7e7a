//go:build !planted_data_unfair

package data

const plantedUnfair = false
