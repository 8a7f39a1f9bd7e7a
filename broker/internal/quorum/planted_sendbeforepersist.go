//go:build planted_quorum_sendbeforepersist

package quorum

// plantedSendBeforePersist: messages leave before what they promise is synced.
const plantedSendBeforePersist = true
