//go:build planted_storage_dupwindow

package storage

// plantedDupWindow: only the last batch of a producer is looked at for duplicates.
const plantedDupWindow = true
