//go:build !planted_storage_startforgotten

package storage

const plantedStartForgotten = false
