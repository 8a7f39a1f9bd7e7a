//go:build race

package wire

// growthFactor: the race detector turns off the compiler's shortcut for append(s, make(…)…), so
// kmsg allocates each array twice.
const growthFactor = 2
