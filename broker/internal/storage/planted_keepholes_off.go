//go:build !planted_storage_keepholes

package storage

const plantedKeepHoles = false
