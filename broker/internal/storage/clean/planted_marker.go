//go:build planted_clean_marker

package clean

// plantedMarker: a marker goes as soon as nothing of its transaction is met, without a horizon.
const plantedMarker = true
