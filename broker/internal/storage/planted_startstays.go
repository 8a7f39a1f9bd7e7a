//go:build planted_storage_startstays

package storage

// plantedStartStays: the start of a log that is reset to below it is lowered after its segments are gone.
const plantedStartStays = true
