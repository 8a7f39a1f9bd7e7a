//go:build !planted_batch_offsetdelta

package batch

const plantedOffsetDelta = false
