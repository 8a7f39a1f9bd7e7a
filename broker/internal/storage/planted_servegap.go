//go:build planted_storage_servegap

package storage

// plantedServeGap: a reader below the first segment is given what follows.
const plantedServeGap = true
