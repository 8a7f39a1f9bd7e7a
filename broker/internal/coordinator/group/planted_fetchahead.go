//go:build planted_group_fetchahead

package group

// OffsetFetch answers from what is appended and not committed yet.
const plantedFetchAhead = true
