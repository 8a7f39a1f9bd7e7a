//go:build !planted_replica_readpast

package replica

const plantedReadUncommitted = false
