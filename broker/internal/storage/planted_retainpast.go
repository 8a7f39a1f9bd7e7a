//go:build planted_storage_retainpast

package storage

// plantedRetainPast: retention deletes at and above the high watermark.
const plantedRetainPast = true
