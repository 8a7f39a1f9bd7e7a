//go:build planted_network_patientframe

package network

// A frame that does not go on may take for ever.
const plantedPatientFrame = true
