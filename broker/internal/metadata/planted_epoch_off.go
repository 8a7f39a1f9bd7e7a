//go:build !planted_metadata_epoch

package metadata

const plantedEpoch = false
