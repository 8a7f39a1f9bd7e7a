package quorum

import "math/rand/v2"

// electionTimer decides when a voter that does not lead campaigns. It replaces raft's own timer,
// whose randomness cannot be seeded (see the package comment), and follows the same rules: the
// time-out is drawn anew from [base, 2 base) ticks whenever the voter changes role or term, and
// the count begins anew when the leader is heard or a vote is given away.
type electionTimer struct {
	base     int
	rng      *rand.Rand
	elapsed  int
	patience int
}

// redraw begins a new count with a new time-out.
func (t *electionTimer) redraw() {
	t.elapsed = 0
	t.patience = t.base + t.rng.IntN(t.base)
}

// heard begins a new count.
func (t *electionTimer) heard() { t.elapsed = 0 }

// tick counts and reports whether it is time to campaign; then it has begun anew.
func (t *electionTimer) tick() bool {
	if t.elapsed++; t.elapsed < t.patience {
		return false
	}
	t.redraw()
	return true
}
