//go:build planted_delayed_twoowners

package delayed

// Whoever comes later ends the operation again.
const plantedTwoOwners = true
