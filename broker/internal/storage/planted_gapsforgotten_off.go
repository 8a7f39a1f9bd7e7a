//go:build !planted_storage_gapsforgotten

package storage

const plantedGapsForgotten = false
