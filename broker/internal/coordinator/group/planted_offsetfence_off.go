//go:build !planted_group_offsetfence

package group

const plantedOffsetFence = false
