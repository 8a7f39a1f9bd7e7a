//go:build !planted_clean_marker

package clean

const plantedMarker = false
