//go:build race

package batch

// raceEnabled: under the race detector pools drop what they are given at random.
const raceEnabled = true
