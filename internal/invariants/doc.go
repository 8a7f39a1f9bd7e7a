// Package invariants switches costly self-checks on for tests and off for production.
//
// Cheap checks of broken invariants are written as plain panics with the text "BUG: …" and are
// always there. Checks that walk data, and the poisoning of buffers that were given back, live
// behind Enabled, which is a constant: with it false the compiler removes them.
//
// Enabled is true with the build tag "invariants" and in builds with the race detector.
// The package imports nothing of ours, keeps no state and is safe for concurrent use.
//
// Files: check.go (Check, Poison), on.go and off.go (Enabled).
package invariants
