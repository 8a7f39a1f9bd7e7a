//go:build !planted_clean_aborted

package clean

const plantedAborted = false
