//go:build !planted_wire_countgate

package wire

const plantedCountGate = false
