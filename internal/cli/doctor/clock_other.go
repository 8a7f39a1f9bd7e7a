//go:build !linux

package doctor

// Synchronised cannot be told here.
func (machine) Synchronised() (yes, known bool) { return false, false }
