//go:build planted_wire_tagorder

package wire

const plantedTagOrder = true
