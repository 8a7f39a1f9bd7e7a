//go:build !planted_clean_renewed

package clean

const plantedRenewed = false
