//go:build !planted_storage_manyproducers

package storage

const plantedManyProducers = false
