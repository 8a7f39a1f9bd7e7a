//go:build !planted_storage_nohysteresis

package storage

const plantedNoHysteresis = false
