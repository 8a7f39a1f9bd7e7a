//go:build !planted_replica_nosecondopening

package replica

const plantedNoSecondOpening = false
