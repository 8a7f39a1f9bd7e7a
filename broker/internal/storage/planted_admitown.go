//go:build planted_storage_admitown

package storage

// plantedAdmitOwn: what the broker writes for itself waits for the syncer, too, and with it whoever the writer serves.
const plantedAdmitOwn = true
