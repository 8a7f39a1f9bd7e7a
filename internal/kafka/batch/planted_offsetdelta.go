//go:build planted_batch_offsetdelta

package batch

// plantedOffsetDelta: relative offsets of records are not looked at.
const plantedOffsetDelta = true
