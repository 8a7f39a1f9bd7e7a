//go:build !planted_delayed_lostwakeup

package delayed

const plantedLostWakeup = false
