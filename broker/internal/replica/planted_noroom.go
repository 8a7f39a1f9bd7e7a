//go:build planted_replica_noroom

package replica

// A doomed log is in the way of a new one of its name.
const plantedNoRoom = true
