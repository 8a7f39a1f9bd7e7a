//go:build !planted_history_monotonic

package history

const plantedMonotonic = false
