//go:build planted_batch_nocrc

package batch

// plantedNoCRC: batch checksums are not compared.
const plantedNoCRC = true
