//go:build !planted_admin_earlyleader

package admin

const plantedEarlyLeader = false
