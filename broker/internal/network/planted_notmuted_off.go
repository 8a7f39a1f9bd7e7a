//go:build !planted_network_notmuted

package network

const plantedNotMuted = false
