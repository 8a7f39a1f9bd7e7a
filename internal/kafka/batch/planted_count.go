//go:build planted_batch_count

package batch

// plantedCount: records beyond the announced count are not looked for.
const plantedCount = true
