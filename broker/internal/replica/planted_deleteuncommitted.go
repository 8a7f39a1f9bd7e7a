//go:build planted_replica_deleteuncommitted

package replica

// Records above the high watermark can be deleted.
const plantedDeleteUncommitted = true
