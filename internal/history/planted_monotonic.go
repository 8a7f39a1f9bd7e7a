//go:build planted_history_monotonic

package history

// plantedMonotonic: a process may poll what it has polled before.
const plantedMonotonic = true
