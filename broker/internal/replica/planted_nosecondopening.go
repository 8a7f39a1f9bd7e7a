//go:build planted_replica_nosecondopening

package replica

// plantedNoSecondOpening: a log that found no room stays closed until the next start.
const plantedNoSecondOpening = true
