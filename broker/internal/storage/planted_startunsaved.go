//go:build planted_storage_startunsaved

package storage

// plantedStartUnsaved: segments go before the log start is durable.
const plantedStartUnsaved = true
