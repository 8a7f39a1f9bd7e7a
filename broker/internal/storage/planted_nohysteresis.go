//go:build planted_storage_nohysteresis

package storage

// plantedNoHysteresis: clients are let in again as soon as the reserve is whole.
const plantedNoHysteresis = true
