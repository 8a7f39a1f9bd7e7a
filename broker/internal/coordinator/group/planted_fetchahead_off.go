//go:build !planted_group_fetchahead

package group

const plantedFetchAhead = false
