//go:build !planted_storage_foreignmarker

package storage

const plantedForeignMarker = false
