//go:build !planted_replica_unflushed

package replica

const plantedWatermarkUnflushed = false
