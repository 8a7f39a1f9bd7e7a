//go:build planted_memnet_unbounded

package memnet

// plantedUnbounded lets a writer run ahead of its reader without end.
const plantedUnbounded = true
