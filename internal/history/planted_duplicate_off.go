//go:build !planted_history_duplicate

package history

const plantedDuplicate = false
