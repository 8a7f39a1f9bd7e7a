//go:build !planted_group_deletebusy

package group

const plantedDeleteBusy = false
