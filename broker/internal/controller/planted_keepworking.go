//go:build planted_controller_keepworking

package controller

// plantedKeepWorking keeps the working state of a lost term.
const plantedKeepWorking = true
