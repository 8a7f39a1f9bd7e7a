//go:build planted_storage_keepholes

package storage

// plantedKeepHoles: what a crash has left below the log start counts as part of the log.
const plantedKeepHoles = true
