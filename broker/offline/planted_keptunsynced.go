//go:build planted_offline_keptunsynced

package offline

// plantedKeptUnsynced: what is cut off is copied, but not synced, before it is cut.
const plantedKeptUnsynced = true
