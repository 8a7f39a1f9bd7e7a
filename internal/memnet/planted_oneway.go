//go:build planted_memnet_oneway

package memnet

// plantedOneWay lets Partition stop one direction only.
const plantedOneWay = true
