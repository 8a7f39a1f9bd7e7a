//go:build planted_clean_aborted

package clean

// plantedAborted: what was aborted is kept as if it had been committed.
const plantedAborted = true
