//go:build !planted_data_evictyoung

package data

const plantedEvictYoung = false
