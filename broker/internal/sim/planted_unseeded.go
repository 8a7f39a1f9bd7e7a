//go:build planted_sim_unseeded

package sim

// plantedUnseeded: simultaneous events come in an order that no seed decides.
const plantedUnseeded = true
