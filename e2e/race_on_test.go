//go:build race

package e2e

// raceEnabled makes the binary under test be built with the race detector, too.
const raceEnabled = true
