//go:build !planted_replica_emptyforlost

package replica

const plantedEmptyForLost = false
