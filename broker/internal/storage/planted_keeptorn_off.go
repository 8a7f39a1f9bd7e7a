//go:build !planted_storage_keeptorn

package storage

const plantedKeepTorn = false
