package sim

import "time"

// epochMs is the wall clock of a perfect node when a run begins.
const epochMs = 1_700_000_000_000

// wallClock is the wall clock of one node: it may be off, run at another rate and jump. Virtual
// time itself is the monotonic clock, which does none of that.
type wallClock struct {
	base  float64 // ms at since
	since time.Duration
	rate  float64
}

func newWallClock(offset time.Duration) wallClock {
	return wallClock{base: epochMs + float64(offset.Milliseconds()), rate: 1}
}

// ms is the wall clock in milliseconds since 1970.
func (c *wallClock) ms(now time.Duration) int64 {
	return int64(c.base + float64(now-c.since)/float64(time.Millisecond)*c.rate)
}

func (c *wallClock) jump(now, by time.Duration, some *Sometimes) {
	if by > 0 {
		some.hit("clock jumped forward")
	} else {
		some.hit("clock jumped back")
	}
	c.base, c.since = float64(c.ms(now))+float64(by.Milliseconds()), now
}

func (c *wallClock) drift(now time.Duration, rate float64) {
	c.base, c.since, c.rate = float64(c.ms(now)), now, max(rate, 0.1)
}

// heal ends a drift. What it has come to stays: clocks that are off are nothing to wait for.
func (c *wallClock) heal(now time.Duration) { c.drift(now, 1) }
