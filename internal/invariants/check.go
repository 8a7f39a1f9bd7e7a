package invariants

import "fmt"

// PoisonByte is what Poison writes. As a length it is negative, as a batch magic it is unknown,
// so a reader of a buffer that was given back fails early.
const PoisonByte = 0xDB

// Check panics with "BUG: " and the formatted text if cond is false and Enabled is true.
// The arguments are evaluated in any build: put costly ones behind `if invariants.Enabled`.
func Check(cond bool, format string, args ...any) {
	if Enabled && !cond {
		panic("BUG: " + fmt.Sprintf(format, args...))
	}
}

// Poison overwrites b with PoisonByte if Enabled. Call it on a buffer whose owner gave it back:
// whoever still reads it sees rubbish instead of data that is right most of the time.
func Poison(b []byte) {
	if !Enabled {
		return
	}
	for i := range b {
		b[i] = PoisonByte
	}
}
