//go:build !planted_storage_novouch

package storage

const plantedNoVouch = false
