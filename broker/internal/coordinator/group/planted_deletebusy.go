//go:build planted_group_deletebusy

package group

// A group can be deleted that has members.
const plantedDeleteBusy = true
