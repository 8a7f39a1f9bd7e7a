//go:build !planted_controller_keepworking

package controller

const plantedKeepWorking = false
