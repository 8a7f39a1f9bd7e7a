//go:build planted_storage_osflushed

package storage

// plantedOSFlushed: what was recovered of a log with FlushOS counts as flushed, and is not.
const plantedOSFlushed = true
