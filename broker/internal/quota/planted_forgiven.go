//go:build planted_quota_forgiven

package quota

// What was used is forgotten when any quota changes.
const plantedForgiven = true
