//go:build planted_replica_stalledhome

package replica

// plantedStalledHome: a new partition is put into a data directory whose disk does not answer.
const plantedStalledHome = true
