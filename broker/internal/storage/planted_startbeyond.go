//go:build planted_storage_startbeyond

package storage

// plantedStartBeyond: a log that ends below its start is emptied, whatever its policy.
const plantedStartBeyond = true
