//go:build !planted_memnet_resetkeeps

package memnet

const plantedResetKeeps = false
