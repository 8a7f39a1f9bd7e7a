//go:build planted_storage_nostartentry

package storage

// plantedNoStartEntry: a log start is noted in memory and neither in the commit log nor in the checkpoint file.
const plantedNoStartEntry = true
