//go:build !planted_storage_nodelay

package storage

const plantedNoDelay = false
