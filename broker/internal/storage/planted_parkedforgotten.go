//go:build planted_storage_parkedforgotten

package storage

// plantedParkedForgotten: what a parked partition took along is not looked at when it is back.
const plantedParkedForgotten = true
