package broker

import "time"

// chore is a kind of upkeep that is done in pieces. Its name is unique in its lane.
type chore struct {
	name string
	// do does one piece, which should not take longer than a shutdown may wait, and says when the next one is due: the
	// zero time if not before somebody pokes it. It is not called again before it has returned.
	do func(now time.Time) (next time.Time)
	// rest is how many times as long as a piece took the chore rests after it, whatever is due.
	rest int
}

// agenda decides which chore of a lane is next and when. A core: the time is passed in.
type agenda struct {
	tasks []*task
}

// task is a chore with its state.
type task struct {
	chore
	due    time.Time // zero: not before it is poked
	rested time.Time // not before this
	busy   bool
	poked  bool // while it was busy
}

// idle bounds how long a worker waits without looking at the clock.
const idle = time.Minute

func (a *agenda) add(c chore, first time.Time) {
	a.tasks = append(a.tasks, &task{chore: c, due: first})
}

// poke makes a chore due at once, but for its rest.
func (a *agenda) poke(name string) {
	for _, t := range a.tasks {
		switch {
		case t.name != name:
		case t.busy:
			t.poked = true
		default:
			t.due = time.Unix(0, 0)
		}
	}
}

// at is when the next piece may begin; never is true if nothing is due.
func (t *task) at() (at time.Time, never bool) {
	switch {
	case t.busy || t.due.IsZero():
		return at, true
	case t.rested.After(t.due):
		return t.rested, false
	}
	return t.due, false
}

// take takes the chore that has been due for longest; without one it says how long to wait.
func (a *agenda) take(now time.Time) (next *task, wait time.Duration) {
	wait = idle
	var since time.Time
	for _, t := range a.tasks {
		at, never := t.at()
		switch {
		case never:
		case at.After(now):
			wait = min(wait, at.Sub(now))
		case next == nil || at.Before(since):
			next, since = t, at
		}
	}
	if next != nil {
		next.busy = true
	}
	return next, wait
}

// done ends the piece that was taken.
func (a *agenda) done(t *task, began, ended, next time.Time) {
	t.busy, t.due = false, next
	t.rested = ended.Add(time.Duration(t.rest) * ended.Sub(began))
	if t.poked {
		t.poked, t.due = false, ended
	}
}
