//go:build planted_wire_longvarint

package wire

const plantedLongVarint = true
