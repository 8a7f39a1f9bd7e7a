package broker

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestAgenda: the chore that has been due for longest is next; one that was poked is due at once, and again if that happened
// while it worked; what a piece took is rested several times over; one chore is never done twice at the same time.
func TestAgenda(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }
	var a agenda
	a.add(chore{name: "unlink", rest: 4}, time.Time{})
	a.add(chore{name: "retention"}, at(100))
	a.add(chore{name: "sweep"}, at(50))
	take := func(now int, want string, wantWait int) *task {
		t.Helper()
		got, wait := a.take(at(now))
		name := ""
		if got != nil {
			name, wait = got.name, 0
		}
		if name != want || wait != time.Duration(wantWait)*time.Millisecond {
			t.Fatalf("at %d: %q after %v, want %q after %d ms", now, name, wait, want, wantWait)
		}
		return got
	}
	take(0, "", 50)
	sweep := take(100, "sweep", 0)
	retention := take(100, "retention", 0)
	take(100, "", 60_000)
	a.done(sweep, at(100), at(110), time.Time{})
	a.poke("retention")
	a.done(retention, at(100), at(120), at(5000))
	a.done(take(120, "retention", 0), at(120), at(130), at(5000))
	take(130, "", 4870)
	a.poke("unlink")
	a.poke("nobody")
	a.done(take(130, "unlink", 0), at(130), at(140), at(140))
	take(140, "", 40)
	a.poke("unlink")
	take(140, "", 40) // it rests although it was poked
	a.done(take(180, "unlink", 0), at(180), at(180), time.Time{})
	take(180, "", 4820)
}

// TestLane: chores are done when they are due or poked, and the goroutines end at once when they are told.
func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane("test", 2)
		start := time.Now()
		var done []time.Duration
		l.add(chore{name: "tick", do: func(now time.Time) time.Time {
			done = append(done, now.Sub(start))
			return now.Add(time.Hour)
		}}, start.Add(time.Second))
		poked := make(chan bool, 1)
		l.add(chore{name: "poked", do: func(time.Time) time.Time { poked <- true; return time.Time{} }}, time.Time{})
		l.start()
		time.Sleep(2*time.Hour + time.Minute)
		synctest.Wait()
		if want := []time.Duration{time.Second, time.Hour + time.Second, 2*time.Hour + time.Second}; !slices.Equal(done, want) {
			t.Errorf("done after %v, want %v", done, want)
		}
		l.poke("poked")
		before := time.Now()
		if <-poked; time.Since(before) != 0 {
			t.Errorf("poked, and done after %v", time.Since(before))
		}
		l.stop()
		l.working.Wait()
	})
}
