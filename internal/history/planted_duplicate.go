//go:build planted_history_duplicate

package history

// plantedDuplicate: only the first place of a value is remembered.
const plantedDuplicate = true
