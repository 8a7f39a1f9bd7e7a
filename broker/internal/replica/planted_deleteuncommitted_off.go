//go:build !planted_replica_deleteuncommitted

package replica

const plantedDeleteUncommitted = false
