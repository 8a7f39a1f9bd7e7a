//go:build !planted_storage_parkedforgotten

package storage

const plantedParkedForgotten = false
