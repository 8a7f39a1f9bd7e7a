//go:build planted_group_offsetfence

package group

// Members of an older generation may commit.
const plantedOffsetFence = true
