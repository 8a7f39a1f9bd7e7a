//go:build planted_group_oldvalue

package group

// A reload keeps the first offset that it finds of a partition.
const plantedOldValue = true
