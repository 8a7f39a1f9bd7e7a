//go:build !planted_coordinator_answeratonce

package coordinator

const plantedAnswerAtOnce = false
