//go:build !planted_storage_patient

package storage

const plantedPatient = false
