//go:build !planted_storage_osflushed

package storage

const plantedOSFlushed = false
