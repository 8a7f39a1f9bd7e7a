//go:build planted_storage_gapsforgotten

package storage

// plantedGapsForgotten: that a log was compacted is forgotten when its topic is not compacted any more.
const plantedGapsForgotten = true
