//go:build planted_storage_keeptorn

package storage

// plantedKeepTorn: the torn tail is kept by recovery.
const plantedKeepTorn = true
