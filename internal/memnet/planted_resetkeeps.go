//go:build planted_memnet_resetkeeps

package memnet

// plantedResetKeeps lets bytes arrive that were on their way when the connection was reset.
const plantedResetKeeps = true
