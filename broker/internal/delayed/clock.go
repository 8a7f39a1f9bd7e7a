package delayed

import "time"

// quietTicks is how many empty ticks the clock goes on for before it sleeps, so that a busy
// broker, whose wheel is often empty for a moment, does not pay for waking it again and again.
const quietTicks = 100

// Clock is the shell that advances a Wheel with real time.
type Clock struct {
	Wheel *Wheel
	wake  chan struct{}
	stop  chan struct{}
	done  chan struct{}
}

// StartClock makes a wheel and a goroutine that advances it every Tick while anything waits.
// Stop ends it.
func StartClock() *Clock {
	c := &Clock{wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	c.Wheel = NewWheel(time.Now(), func() {
		select {
		case c.wake <- struct{}{}:
		default: // it will see the operation on its way to sleep
		}
	})
	go c.run()
	return c
}

// Stop ends the goroutine and waits for it. What is parked stays parked.
func (c *Clock) Stop() {
	close(c.stop)
	<-c.done
}

func (c *Clock) run() {
	defer close(c.done)
	t := time.NewTicker(Tick)
	defer t.Stop()
	for quiet := 0; ; {
		select {
		case <-c.stop:
			return
		case now := <-t.C:
			if c.Wheel.Advance(now) > 0 {
				quiet = 0
				continue
			}
			if quiet++; quiet < quietTicks {
				continue
			}
		}
		t.Stop()
		select {
		case <-c.stop:
			return
		case <-c.wake:
			t.Reset(Tick)
			quiet = 0
		}
	}
}
