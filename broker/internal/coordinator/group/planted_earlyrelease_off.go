//go:build !planted_group_earlyrelease

package group

const plantedEarlyRelease = false
