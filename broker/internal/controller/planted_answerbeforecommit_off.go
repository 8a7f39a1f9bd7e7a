//go:build !planted_controller_answerbeforecommit

package controller

const plantedAnswerBeforeCommit = false
