//go:build planted_offline_pointstays

package offline

// plantedPointStays: the recovery point stays behind the end of a log that was cut.
const plantedPointStays = true
