//go:build !planted_controller_validatewrites

package controller

const plantedValidateWrites = false
