//go:build planted_offline_nointent

package offline

// plantedNoIntent: a repair does not note what it is about to cut.
const plantedNoIntent = true
