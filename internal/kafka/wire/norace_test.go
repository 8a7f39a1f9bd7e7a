//go:build !race

package wire

const growthFactor = 1
