//go:build !planted_storage_adoptforgets

package storage

const plantedAdoptForgets = false
