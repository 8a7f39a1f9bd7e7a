//go:build !planted_storage_startunsaved

package storage

const plantedStartUnsaved = false
