//go:build planted_sim_blind

package sim

// plantedBlind: an offset may hold two values.
const plantedBlind = true
