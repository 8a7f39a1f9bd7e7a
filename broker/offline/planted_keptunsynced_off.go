//go:build !planted_offline_keptunsynced

package offline

const plantedKeptUnsynced = false
