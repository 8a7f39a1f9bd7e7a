//go:build !planted_storage_servegap

package storage

const plantedServeGap = false
