//go:build !planted_storage_forgetproducers

package storage

const plantedForgetProducers = false
