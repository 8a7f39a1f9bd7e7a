//go:build !planted_group_oldvalue

package group

const plantedOldValue = false
