//go:build !planted_quota_longmute

package quota

const plantedLongMute = false
