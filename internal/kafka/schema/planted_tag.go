//go:build planted_schema_tag

package schema

// plantedTag drops tagged fields that this package does not know.
const plantedTag = true
