//go:build !planted_offline_pointstays

package offline

const plantedPointStays = false
