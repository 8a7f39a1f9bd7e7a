//go:build !planted_storage_txnstale

package storage

const plantedTxnStale = false
