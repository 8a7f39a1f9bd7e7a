//go:build planted_storage_unreadablestray

package storage

// plantedUnreadableStray: a partition whose identity cannot be read just now is taken for a stray directory.
const plantedUnreadableStray = true
