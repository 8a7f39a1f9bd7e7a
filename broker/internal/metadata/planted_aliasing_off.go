//go:build !planted_metadata_aliasing

package metadata

const plantedAliasing = false
