//go:build !planted_quorum_sendbeforepersist

package quorum

const plantedSendBeforePersist = false
