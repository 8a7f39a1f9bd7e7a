//go:build planted_controller_answerbeforecommit

package controller

// plantedAnswerBeforeCommit answers when a decision is proposed instead of committed.
const plantedAnswerBeforeCommit = true
