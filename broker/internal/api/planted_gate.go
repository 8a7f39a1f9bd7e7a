//go:build planted_api_gate

package api

// Frames of any size are admitted.
const plantedNoGate = true
