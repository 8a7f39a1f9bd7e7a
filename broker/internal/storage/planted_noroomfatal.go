//go:build planted_storage_noroomfatal

package storage

// plantedNoRoomFatal: lack of room for an index or checkpoint takes the directory offline.
const plantedNoRoomFatal = true
