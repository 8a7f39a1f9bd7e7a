//go:build !planted_storage_activeskipped

package storage

const plantedActiveSkipped = false
