//go:build planted_coordinator_answeratonce

package coordinator

// Answers are given before the batch is committed.
const plantedAnswerAtOnce = true
