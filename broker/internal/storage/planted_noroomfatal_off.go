//go:build !planted_storage_noroomfatal

package storage

const plantedNoRoomFatal = false
