//go:build !planted_replica_removestray

package replica

const plantedRemoveStray = false
