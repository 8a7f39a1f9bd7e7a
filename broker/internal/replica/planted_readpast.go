//go:build planted_replica_readpast

package replica

// Consumers see what is not committed yet.
const plantedReadUncommitted = true
