//go:build planted_storage_startforgotten

package storage

// plantedStartForgotten: an entry that makes a log start void is written before the start is in its file.
const plantedStartForgotten = true
