//go:build !planted_storage_keepmarker

package storage

const plantedKeepMarker = false
