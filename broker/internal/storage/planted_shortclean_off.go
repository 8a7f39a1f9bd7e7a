//go:build !planted_storage_shortclean

package storage

const plantedShortClean = false
