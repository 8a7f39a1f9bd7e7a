//go:build planted_history_lost

package history

// plantedLost: an acknowledged value below the highest read offset is not missed.
const plantedLost = true
