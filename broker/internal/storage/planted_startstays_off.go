//go:build !planted_storage_startstays

package storage

const plantedStartStays = false
