//go:build planted_data_evictyoung

package data

// Young sessions can be evicted.
const plantedEvictYoung = true
