//go:build planted_commitlog_tornentry

package commitlog

// plantedTornEntry: an entry counts although its checksum does not match.
const plantedTornEntry = true
