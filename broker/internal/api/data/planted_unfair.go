//go:build planted_data_unfair

package data

// Partitions keep their place in a session's order.
const plantedUnfair = true
