//go:build planted_storage_keepmarker

package storage

// plantedKeepMarker: the clean-shutdown marker is not deleted on start.
const plantedKeepMarker = true
