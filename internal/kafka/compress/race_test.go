//go:build race

package compress

// raceEnabled: under the race detector pools drop what they are given at random.
const raceEnabled = true
