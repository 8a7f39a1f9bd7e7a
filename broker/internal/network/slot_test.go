package network

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
)

// Goal: answers leave in request order although requests are completed in any order, by other
// goroutines, small and large ones mixed. Method: pipelined Produce over TCP, random completion.
func TestPoint001ProduceAnswersInOrder(t *testing.T) {
	const rounds, n = 20, 24
	serve, parked := parkProduce()
	s := newTestServer(t, serve)
	c := dialTCP(t, listenTCP(t, s))
	for round := range rounds {
		rng := rand.New(rand.NewPCG(uint64(round), 0))
		var stream []byte
		bodies := make([]string, n)
		for i := range bodies {
			size := 1 + rng.IntN(100)
			if rng.IntN(8) == 0 {
				size = rng.IntN(30_000)
			}
			bodies[i] = string(bytes.Repeat([]byte{byte('a' + i)}, size))
			stream = append(stream, produce(int32(i), bodies[i])...)
		}
		c.send(stream)
		reqs := make([]*Request, n)
		for i := range reqs {
			reqs[i] = <-parked
		}
		rng.Shuffle(n, func(i, j int) { reqs[i], reqs[j] = reqs[j], reqs[i] })
		var wg sync.WaitGroup
		for part := range 3 {
			wg.Go(func() {
				for i := part; i < n; i += 3 {
					echoNow(reqs[i])
				}
			})
		}
		for i, body := range bodies {
			c.want(int32(i), body)
		}
		wg.Wait()
	}
}

// Goal: an answer waits for those before it, however long. Method: complete the last first.
func TestAnswerWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newTestServer(t, serve)
		c := dialPipe(t, s)
		c.send(produce(1, "a"), produce(2, "b"), produce(3, "c"))
		a, b, last := <-parked, <-parked, <-parked
		echoNow(last)
		echoNow(b)
		synctest.Wait()
		if out := s.Stats().BytesOut; out != 0 {
			t.Fatalf("%d bytes written before the first request was answered", out)
		}
		echoNow(a)
		c.want(1, "a")
		c.want(2, "b")
		c.want(3, "c")
	})
}

// Goal: only Produce overlaps Produce. Method: two requests in a row, the first stays pending.
func TestPoint001OnlyProduceOverlaps(t *testing.T) {
	for _, c := range []struct {
		first, second []byte
		overlap       bool
	}{
		{produce(1, "a"), produce(2, "b"), true},
		{produce(1, "a"), metadata(2, "b"), false},
		{metadata(1, "a"), produce(2, "b"), false},
		{metadata(1, "a"), metadata(2, "b"), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			served := make(chan *Request, 2)
			s := newTestServer(t, func(r *Request) Disposition { served <- r; return Pending })
			cl := dialPipe(t, s)
			cl.send(c.first, c.second)
			synctest.Wait()
			if got := len(served) == 2; got != c.overlap {
				t.Fatalf("API %d behind pending API %d: overlaps %v, want %v", c.second[5], c.first[5], got, c.overlap)
			}
			go func() { echoNow(<-served); echoNow(<-served) }()
			cl.want(1, "a")
			cl.want(2, "b")
		})
	}
}

// Goal: unanswered requests are bounded in number and in bytes; reading goes on as they are
// answered.
func TestPendingBounds(t *testing.T) {
	for _, c := range []struct {
		name       string
		body, want int
	}{
		{"slots", 10, MaxSlots},
		{"bytes", 3 << 20, 3}, // the third is begun below 8 MiB
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				serve, parked := parkProduce()
				s := newServer(t, Options{Handler: &testHandler{
					admit: func(*Session, int16, int16, int) (int64, error) { return 0, nil }, serve: serve}})
				cl := dialPipe(t, s)
				body := make([]byte, c.body)
				total := c.want + 3
				go func() {
					for i := range total {
						cl.Write(appendFrame(nil, keyProduce, produceVersion, int32(i), body))
					}
				}()
				for done := range total {
					synctest.Wait()
					if open, want := len(parked), min(c.want, total-done); open != want {
						t.Fatalf("%d requests open after %d answers, want %d", open, done, want)
					}
					(<-parked).Complete(Answered)
					cl.want(int32(done), "")
				}
			})
		})
	}
}

// Goal: a pending request's bytes stay what they were while later ones are read, moved and
// answered. Method: requests of many sizes, payloads compared when they are completed.
func TestPendingKeepsItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newTestServer(t, serve)
		c, other := dialPipe(t, s), dialPipe(t, s)
		rng := rand.New(rand.NewPCG(3, 4))
		for round := range 50 {
			var bodies []string
			go func() {
				for i := range 16 {
					body := string(bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(1<<rng.IntN(17))))
					bodies = append(bodies, body)
					c.Write(produce(int32(i), body))
					other.Write(metadata(0, body)) // uses what is wrongly released
					other.answer()
				}
			}()
			synctest.Wait()
			for i := range bodies {
				r := <-parked
				if string(r.Payload) != bodies[i] {
					t.Fatalf("round %d: payload %d of %d bytes has changed", round, i, len(bodies[i]))
				}
				go r.Complete(Answered)
				c.want(int32(i), "")
			}
		}
	})
}

// Goal: the endings that write nothing. Method: each behind an answer that is still pending.
func TestSilentAndHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parked := make(chan *Request, 9)
		s := newTestServer(t, func(r *Request) Disposition {
			switch string(r.Payload) {
			case "silent":
				r.Out = append(r.Out, "never seen"...)
				return Silent
			case "hangup":
				return Hangup
			}
			parked <- r
			return Pending
		})
		c := dialPipe(t, s)
		c.send(produce(1, "silent"), produce(2, "x"), produce(3, "silent"), produce(4, "y"), produce(5, "hangup"), produce(6, "z"))
		synctest.Wait()
		if len(parked) != 2 {
			t.Fatalf("%d requests pending, want 2: nothing is served behind a Hangup", len(parked))
		}
		go func() { x := <-parked; echoNow(<-parked); echoNow(x) }()
		c.want(2, "x")
		c.want(4, "y")
		c.wantClosed()
		synctest.Wait()
		if n := s.Stats().Closed[ClosedHangup]; n != 1 {
			t.Errorf("closed by hangup: %d", n)
		}
	})
}

// Goal: Complete may say Silent and Hangup, too; answers behind a Hangup are dropped, their tails
// released.
func TestCompleteSilentAndHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newTestServer(t, serve)
		c := dialPipe(t, s)
		c.send(produce(1, "a"), produce(2, "b"), produce(3, "c"), produce(4, "d"))
		a, b, x, d := <-parked, <-parked, <-parked, <-parked
		body := &testBody{n: 5, write: func(Writer) error { t.Error("written behind a Hangup"); return nil }}
		d.Tail = body
		d.Complete(Answered)
		x.Complete(Hangup)
		b.Complete(Silent)
		echoNow(a)
		c.want(1, "a")
		c.wantClosed()
		synctest.Wait()
		if n := body.released.Load(); n != 1 {
			t.Errorf("tail released %d times", n)
		}
	})
}

// Goal: a request completed while, or before, its connection ends gives back everything once, and
// nothing breaks. Method: all orders of completion and close, over TCP, with the race detector in
// mind.
func TestCompleteRacesWithClose(t *testing.T) {
	serve, parked := parkProduce()
	s := newServer(t, Options{Handler: &testHandler{
		admit: func(*Session, int16, int16, int) (int64, error) { return BudgetThreshold + 1, nil }, serve: serve}})
	addr := listenTCP(t, s)
	var bodies []*testBody
	for round := range 60 {
		c := dialTCP(t, addr)
		c.send(produce(1, "a"), produce(2, "b"), produce(3, "c"))
		reqs := []*Request{<-parked, <-parked, <-parked}
		var wg sync.WaitGroup
		if round%3 == 0 {
			c.Close()
		}
		for i, r := range reqs {
			if i < 2 {
				body := &testBody{n: 20_000, write: func(w Writer) error {
					_, err := w.Write(make([]byte, 20_000))
					return err
				}}
				bodies = append(bodies, body)
				r.Tail = body
			}
			wg.Go(func() { r.Complete(Answered) })
		}
		if round%3 == 1 {
			c.Close()
		}
		wg.Wait()
		if round%3 == 2 {
			c.Close()
		}
	}
	eventually(t, "all connections closed", func() bool { return s.Stats().Connections == 0 })
	for i, b := range bodies {
		if n := b.released.Load(); n != 1 {
			t.Fatalf("tail %d released %d times", i, n)
		}
	}
	if n := s.Stats().BudgetBytes; n != 0 {
		t.Errorf("budget in use %d", n)
	}
}

// Goal: completion after the connection is gone only releases.
func TestCompleteAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newTestServer(t, serve)
		c := dialPipe(t, s)
		c.send(produce(1, "a"))
		r := <-parked
		s.Close()
		if n := s.Stats().Connections; n != 0 {
			t.Fatalf("%d connections after Close", n)
		}
		body := &testBody{n: 1, write: func(Writer) error { t.Error("written"); return nil }}
		r.Tail = body
		r.Complete(Answered)
		if n := body.released.Load(); n != 1 {
			t.Errorf("released %d times", n)
		}
	})
}

// Goal: a request may be completed before Serve has returned Pending, also while the reader is
// collecting answers.
func TestCompleteBeforeServeReturns(t *testing.T) {
	s := newTestServer(t, func(r *Request) Disposition {
		r.Out = append(r.Out, r.Payload...)
		if r.Key == keyProduce {
			r.Complete(Answered)
			return Pending
		}
		return Answered
	})
	c := dialTCP(t, listenTCP(t, s))
	c.send(metadata(1, "a"), produce(2, "b"), produce(3, "c"), metadata(4, "d"), produce(5, "e"))
	for i, body := range []string{"a", "b", "c", "d", "e"} {
		c.want(int32(i+1), body)
	}
}

// Goal: misuse of Complete is noticed.
func TestCompleteMisused(t *testing.T) {
	for name, misuse := range map[string]func(r *Request){
		"twice":      func(r *Request) { r.Complete(Answered); r.Complete(Answered) },
		"as Pending": func(r *Request) { r.Complete(Pending) },
	} {
		synctest.Test(t, func(t *testing.T) {
			serve, parked := parkProduce()
			s := newTestServer(t, serve)
			c := dialPipe(t, s)
			c.send(produce(1, "a"))
			r := <-parked
			defer func() {
				if p := fmt.Sprint(recover()); len(p) < 4 || p[:4] != "BUG:" {
					t.Errorf("%s: panic %q", name, p)
				}
			}()
			misuse(r)
		})
	}
}
