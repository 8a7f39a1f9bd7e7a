//go:build !planted_storage_retainpast

package storage

const plantedRetainPast = false
