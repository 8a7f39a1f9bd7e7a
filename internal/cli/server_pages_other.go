//go:build !linux

package cli

// forgetProgram does nothing: it is a saving that needs Linux.
func forgetProgram() {}
