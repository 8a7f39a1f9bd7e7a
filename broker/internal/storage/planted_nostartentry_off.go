//go:build !planted_storage_nostartentry

package storage

const plantedNoStartEntry = false
