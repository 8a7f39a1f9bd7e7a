//go:build planted_storage_notestablished

package storage

// plantedNotEstablished: a log is written to before its identity is durable.
const plantedNotEstablished = true
