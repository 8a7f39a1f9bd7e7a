//go:build !planted_storage_admitown

package storage

const plantedAdmitOwn = false
