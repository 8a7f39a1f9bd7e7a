//go:build planted_group_staticreb

package group

// The return of a static member begins a rebalance.
const plantedStaticReb = true
