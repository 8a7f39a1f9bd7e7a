//go:build planted_storage_nostall

package storage

// plantedNoStall: a disk that does not answer is not noticed before it is given up.
const plantedNoStall = true
