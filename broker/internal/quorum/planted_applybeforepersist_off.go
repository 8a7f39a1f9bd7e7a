//go:build !planted_quorum_applybeforepersist

package quorum

const plantedApplyBeforePersist = false
