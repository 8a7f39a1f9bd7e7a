//go:build planted_metadata_aliasing

package metadata

// plantedAliasing changes topics of published images in place.
const plantedAliasing = true
