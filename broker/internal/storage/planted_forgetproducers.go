//go:build planted_storage_forgetproducers

package storage

// plantedForgetProducers: a snapshot of producers that waits goes with its segment.
const plantedForgetProducers = true
