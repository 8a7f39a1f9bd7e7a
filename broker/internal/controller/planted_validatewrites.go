//go:build planted_controller_validatewrites

package controller

// A request that is to be checked only is carried out.
const plantedValidateWrites = true
