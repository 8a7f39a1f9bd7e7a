//go:build !planted_memnet_unbounded

package memnet

const plantedUnbounded = false
