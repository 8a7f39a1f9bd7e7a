//go:build !planted_sim_unseeded

package sim

const plantedUnseeded = false
