//go:build !planted_compress_budget

package compress

const plantedBudget = false
