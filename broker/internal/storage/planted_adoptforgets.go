//go:build planted_storage_adoptforgets

package storage

// A copy takes the place of a log without its log start.
const plantedAdoptForgets = true
