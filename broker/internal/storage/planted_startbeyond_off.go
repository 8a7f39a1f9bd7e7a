//go:build !planted_storage_startbeyond

package storage

const plantedStartBeyond = false
