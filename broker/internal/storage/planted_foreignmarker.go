//go:build planted_storage_foreignmarker

package storage

// plantedForeignMarker: the clean-shutdown marker of another directory counts.
const plantedForeignMarker = true
