//go:build planted_replica_unflushed

package replica

// The high watermark does not wait for the flush.
const plantedWatermarkUnflushed = true
