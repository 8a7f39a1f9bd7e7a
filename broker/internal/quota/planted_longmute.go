//go:build planted_quota_longmute

package quota

// Request time throttles for longer than a window (SURFACE 10).
const plantedLongMute = true
