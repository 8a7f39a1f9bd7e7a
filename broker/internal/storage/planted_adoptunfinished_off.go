//go:build !planted_storage_adoptunfinished

package storage

const plantedAdoptUnfinished = false
