//go:build !planted_storage_dupwindow

package storage

const plantedDupWindow = false
