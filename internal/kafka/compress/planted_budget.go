//go:build planted_compress_budget

package compress

// plantedBudget lets every stream expand up to hardLimit.
const plantedBudget = true
