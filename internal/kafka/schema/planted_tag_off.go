//go:build !planted_schema_tag

package schema

const plantedTag = false
