//go:build !planted_group_staticreb

package group

const plantedStaticReb = false
