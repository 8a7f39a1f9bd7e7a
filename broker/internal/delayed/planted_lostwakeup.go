//go:build planted_delayed_lostwakeup

package delayed

// A watch that comes after the signal is not told.
const plantedLostWakeup = true
