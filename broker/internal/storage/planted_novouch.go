//go:build planted_storage_novouch

package storage

// plantedNoVouch: files that somebody has put into a log are trusted after a clean stop, as if the broker had written them.
const plantedNoVouch = true
