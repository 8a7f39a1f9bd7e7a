//go:build planted_replica_retainuncommitted

package replica

// plantedRetainUncommitted: retention deletes what is not committed.
const plantedRetainUncommitted = true
