//go:build !planted_api_gate

package api

const plantedNoGate = false
