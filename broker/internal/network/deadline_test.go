package network

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Goal: a connection that is silent is closed after IdleTimeout, counted from its last byte.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{Handler: &testHandler{serve: echo}, IdleTimeout: time.Minute})
		c := dialPipe(t, s)
		time.Sleep(50 * time.Second)
		c.send(metadata(1, "a"))
		c.want(1, "a")
		start := time.Now()
		c.wantClosed()
		if d := time.Since(start); d != time.Minute {
			t.Errorf("closed after %v", d)
		}
		synctest.Wait()
		if s.Stats().Closed[ClosedIdle] != 1 {
			t.Errorf("closed %v", s.Stats().Closed)
		}
	})
}

// Goal: neither a pending request nor a negative option lets the idle time-out close.
func TestNotIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newServer(t, Options{Handler: &testHandler{serve: serve}, IdleTimeout: time.Minute})
		never := newServer(t, Options{Handler: &testHandler{serve: serve}, IdleTimeout: -1})
		c, d := dialPipe(t, s), dialPipe(t, never)
		c.send(produce(1, "a"))
		time.Sleep(time.Hour)
		go echoNow(<-parked)
		c.want(1, "a")
		d.send(metadata(2, "b"))
		d.want(2, "b")
	})
}

// Goal: a frame has to be complete in time: 30 s plus one for each 64 KiB that has arrived; the time
// does not start anew with each byte, and a frame that is merely announced buys none (it holds
// memory budget meanwhile).
func TestSlowFrame(t *testing.T) {
	for _, c := range []struct {
		size int
		want time.Duration
	}{
		{100, 30 * time.Second},
		{640 << 10, 30 * time.Second},
		{wire.LimitOf(keyMetadata).MaxFrame, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, echo)
			cl := dialPipe(t, s)
			frame := metadata(1, string(make([]byte, c.size-10)))
			cl.send(frame[:8])
			start := time.Now()
			for _, b := range frame[8:] {
				if _, err := cl.Write([]byte{b}); err != nil || time.Since(start) > c.want+10*time.Second {
					break
				}
				time.Sleep(999 * time.Millisecond)
			}
			cl.wantClosed()
			if d := time.Since(start); d < c.want || d > c.want+time.Second {
				t.Errorf("closed after %v, want %v", d, c.want)
			}
			synctest.Wait()
			if s.Stats().Closed[ClosedSlowFrame] != 1 {
				t.Errorf("closed %v", s.Stats().Closed)
			}
		})
	}
}

// Goal: a frame that takes its time, but not too much, is served, and the time of the next one is
// its own.
func TestSlowButInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, echo)
		c := dialPipe(t, s)
		for i := range int32(5) {
			frame := metadata(i, "abc")
			c.send(frame[:10])
			time.Sleep(20 * time.Second)
			c.send(frame[10:])
			c.want(i, "abc")
		}
	})
}

// Goal: Mute: the answer is sent at once, the next request is served later, whether the answer
// came from Serve or from elsewhere; shutdown does not wait for it.
func TestPoint008Mute(t *testing.T) {
	for _, pending := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, func(r *Request) Disposition {
				r.Mute = 5 * time.Second
				if pending {
					go echoNow(r)
					return Pending
				}
				return echo(r)
			})
			c := dialPipe(t, s)
			start := time.Now()
			go c.Write(append(produce(1, "a"), metadata(2, "b")...))
			c.want(1, "a")
			if d := time.Since(start); d != 0 {
				t.Errorf("pending %v: throttled answer after %v", pending, d)
			}
			c.want(2, "b")
			if d := time.Since(start); d != 5*time.Second {
				t.Errorf("pending %v: next answer after %v", pending, d)
			}
			if err := s.Shutdown(t.Context()); err != nil || time.Since(start) != 5*time.Second {
				t.Errorf("shutdown of a muted connection: %v after %v", err, time.Since(start))
			}
		})
	}
}

// Goal: the time a request gets is that of its turn, not of the wake-up that brought its bytes.
func TestNowAfterWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, func(r *Request) Disposition {
			if !r.Now.Equal(time.Now()) {
				t.Errorf("request %d: Now is %v old", r.CorrelationID, time.Since(r.Now))
			}
			select {
			case <-r.Done():
			case <-time.After(time.Minute):
			}
			return echo(r)
		})
		c := dialPipe(t, s)
		c.send(metadata(1, "a"), metadata(2, "b"))
		c.want(1, "a")
		c.want(2, "b")
	})
}

// Goal: a client that does not read is disconnected after WriteTimeout, and its answer given up.
func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &testBody{n: 100_000, write: func(w Writer) error {
			_, err := w.Write(make([]byte, 100_000))
			return err
		}}
		s := newTestServer(t, func(r *Request) Disposition { r.Tail = body; return Answered })
		c := dialPipe(t, s)
		c.send(metadata(1, ""))
		start := time.Now()
		for s.Stats().Connections > 0 {
			time.Sleep(time.Second)
		}
		if d := time.Since(start); d < 30*time.Second || d > 31*time.Second {
			t.Errorf("closed after %v", d)
		}
		if s.Stats().Closed[ClosedWriteError] != 1 || body.released.Load() != 1 {
			t.Errorf("closed %v, released %d", s.Stats().Closed, body.released.Load())
		}
	})
}
