//go:build planted_quota_oneforall

package quota

// All whom a default quota is for share one account.
const plantedOneForAll = true
