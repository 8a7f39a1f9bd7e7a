//go:build !planted_delayed_twoowners

package delayed

const plantedTwoOwners = false
