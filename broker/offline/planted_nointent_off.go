//go:build !planted_offline_nointent

package offline

const plantedNoIntent = false
