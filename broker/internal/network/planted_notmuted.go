//go:build planted_network_notmuted

package network

// A throttled client is told so, and read on.
const plantedNotMuted = true
