//go:build planted_storage_txnstale

package storage

// plantedTxnStale: entries of a transaction index whose marker is not in the log any more are kept.
const plantedTxnStale = true
