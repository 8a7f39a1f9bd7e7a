package bench

import (
	"fmt"
	"time"
)

// Bounds on what one scenario may take, where the run has a budget.
const (
	// A scenario is ended when it has taken limitTimes its share of the budget, and limitExtra more, or limitPart of the budget if that is less.
	limitTimes, limitExtra, limitPart = 3, time.Minute, 8
	// warmPart is which part of the budget may go into warming up.
	warmPart = 8
	// limitWithout is for runs without a budget.
	limitWithout = 20 * time.Minute
)

// leastTurns is how many turns of a scenario are made whatever they take: one that does not count, and one.
const leastTurns = 2

// budget deals the time of a run out to its scenarios, by weight. What one does not use, the ones after it have.
type budget struct {
	total time.Duration // 0: there is no bound
	began time.Time
	left  float64 // weights of the scenarios that have not begun
}

// take is the share of the next scenario.
func (b *budget) take(weight float64) time.Duration {
	remaining := b.remaining()
	share := time.Duration(float64(remaining) * weight / max(weight, b.left))
	b.left -= weight
	return max(0, share)
}

// remaining is the time that is left; negative if it is over.
func (b *budget) remaining() time.Duration { return b.total - time.Since(b.began) }

// limit is how long a scenario may take, whose share is given, before it is ended: not much longer than the run has.
func (b *budget) limit(share time.Duration) time.Duration {
	if b.total == 0 {
		return limitWithout
	}
	return min(limitTimes*share, max(0, b.remaining())) + min(limitExtra, b.total/limitPart)
}

// status is for those who wait.
func (b *budget) status() string {
	elapsed := time.Since(b.began).Round(time.Second)
	if b.total == 0 {
		return elapsed.String()
	}
	return fmt.Sprintf("%v of %v, %v left", elapsed, b.total, max(0, b.remaining()).Round(time.Second))
}

// Spent is what a part of the run took by the clock.
type Spent struct {
	ID      string  `json:"id"`
	Seconds float64 `json:"seconds"`
	// Share is what was meant for it, in seconds; 0 if nothing was.
	Share float64 `json:"share,omitempty"`
	// Turns are those that were made, with the one that does not count; 0 if it is not done in turns.
	Turns int     `json:"turns,omitempty"`
	Scale float64 `json:"scale,omitempty"`
}
