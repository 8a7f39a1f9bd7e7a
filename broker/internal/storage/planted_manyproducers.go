//go:build planted_storage_manyproducers

package storage

// plantedManyProducers: only each log for itself bounds its producers.
const plantedManyProducers = true
