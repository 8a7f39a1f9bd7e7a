//go:build planted_data_tellall

package data

// Incremental answers hold every partition of the session.
const plantedTellAll = true
