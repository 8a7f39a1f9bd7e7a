//go:build !planted_storage_unreadablestray

package storage

const plantedUnreadableStray = false
