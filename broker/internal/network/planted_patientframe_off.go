//go:build !planted_network_patientframe

package network

const plantedPatientFrame = false
