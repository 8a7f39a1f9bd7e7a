package controller

import "testing"

// TestSessionsFollowAClockSetBack: a broker that has fallen silent is missed after the session time-out,
// however far the wall clock is set back meanwhile (R-24: clocks may cost availability, not for as long as the
// jump).
func TestSessionsFollowAClockSetBack(t *testing.T) {
	const timeout, now = 9000, 1_000_000_000
	s := newSessions(timeout)
	s.touch(1, now, 0)
	s.touch(2, now, 0)
	s.touch(2, now-600_000, 0) // the clock was set back by ten minutes
	if !s.valid(1, now-600_000+timeout-1) {
		t.Error("missed too early")
	}
	if s.valid(1, now-600_000+timeout) {
		t.Error("a silent broker's session outlives its time-out")
	}
	if s.touch(2, now-600_000+timeout, 0); !s.valid(2, now-600_000+timeout) {
		t.Error("a broker that was just heard of is missed")
	}
}
