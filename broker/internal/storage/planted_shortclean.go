//go:build planted_storage_shortclean

package storage

// plantedShortClean: a log that ends below where it was closed is opened.
const plantedShortClean = true
