//go:build !planted_memnet_oneway

package memnet

const plantedOneWay = false
