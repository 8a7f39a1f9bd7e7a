//go:build planted_commitlog_novoid

package commitlog

// plantedNoVoid: what was truncated is replayed.
const plantedNoVoid = true
