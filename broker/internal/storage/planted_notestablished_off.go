//go:build !planted_storage_notestablished

package storage

const plantedNotEstablished = false
