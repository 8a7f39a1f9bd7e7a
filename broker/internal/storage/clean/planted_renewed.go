//go:build planted_clean_renewed

package clean

// plantedRenewed: each round sets the delete horizon anew, so that it never passes.
const plantedRenewed = true
