//go:build planted_admin_earlyleader

package admin

// plantedEarlyLeader: a leader is named before it can serve the partition.
const plantedEarlyLeader = true
