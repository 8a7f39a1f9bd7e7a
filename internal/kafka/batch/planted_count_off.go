//go:build !planted_batch_count

package batch

const plantedCount = false
