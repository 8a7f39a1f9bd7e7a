//go:build planted_storage_patient

package storage

// plantedPatient: a disk that does not answer is waited for for ever.
const plantedPatient = true
