//go:build !planted_replica_keepdeleted

package replica

const plantedKeepDeleted = false
