//go:build !planted_replica_stalledhome

package replica

const plantedStalledHome = false
