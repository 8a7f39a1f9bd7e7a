//go:build !planted_quota_oneforall

package quota

const plantedOneForAll = false
