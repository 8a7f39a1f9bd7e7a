//go:build planted_replica_removestray

package replica

// plantedRemoveStray: what the metadata does not know is deleted.
const plantedRemoveStray = true
