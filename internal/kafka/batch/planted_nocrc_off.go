//go:build !planted_batch_nocrc

package batch

const plantedNoCRC = false
