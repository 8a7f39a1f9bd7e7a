//go:build !planted_replica_retainuncommitted

package replica

const plantedRetainUncommitted = false
