//go:build planted_quorum_applybeforepersist

package quorum

// plantedApplyBeforePersist: committed entries are applied before they are synced.
const plantedApplyBeforePersist = true
