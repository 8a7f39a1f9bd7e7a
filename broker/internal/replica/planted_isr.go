//go:build planted_replica_isr

package replica

// The high watermark follows the leader alone.
const plantedIgnoreISR = true
