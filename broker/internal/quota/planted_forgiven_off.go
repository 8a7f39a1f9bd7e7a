//go:build !planted_quota_forgiven

package quota

const plantedForgiven = false
