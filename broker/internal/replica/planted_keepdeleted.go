//go:build planted_replica_keepdeleted

package replica

// The logs of a deleted topic stay.
const plantedKeepDeleted = true
