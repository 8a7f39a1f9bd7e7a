//go:build !planted_replica_noroom

package replica

const plantedNoRoom = false
