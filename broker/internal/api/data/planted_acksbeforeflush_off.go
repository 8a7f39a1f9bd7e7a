//go:build !planted_data_acksbeforeflush

package data

const plantedAcksBeforeFlush = false
