//go:build !planted_history_lost

package history

const plantedLost = false
