//go:build planted_commitlog_reuse

package commitlog

// plantedReuse: a file is recycled although what it holds is not durable elsewhere.
const plantedReuse = true
