package api

import (
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/api/admin"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// TestTelemetryMustBeSwitchedOn: clients that find the APIs use them, so they are there only if somebody receives.
func TestTelemetryMustBeSwitchedOn(t *testing.T) {
	for _, on := range []bool{false, true} {
		table := newTable(&Server{admin: admin.New(admin.Options{Telemetry: on})})
		for key := int16(71); key <= 72; key++ {
			low, high, _ := wire.Versions(key)
			e, ok := table.find(key, 0)
			if ok != on || on && (e.Min != low || e.Max != high || e.Cost <= 0) {
				t.Errorf("on %v: key %d is served: %v", on, key, ok)
			}
		}
	}
}
