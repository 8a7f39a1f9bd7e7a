//go:build !planted_replica_isr

package replica

const plantedIgnoreISR = false
