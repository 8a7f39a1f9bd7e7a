//go:build planted_replica_emptyforlost

package replica

// plantedEmptyForLost: a partition that may lie in a lost directory gets an empty log in another one.
const plantedEmptyForLost = true
