//go:build planted_storage_droppinned

package storage

// plantedDropPinned: retention closes files that a reader has pinned.
const plantedDropPinned = true
