//go:build !planted_storage_droppinned

package storage

const plantedDropPinned = false
