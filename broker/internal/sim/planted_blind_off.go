//go:build !planted_sim_blind

package sim

const plantedBlind = false
