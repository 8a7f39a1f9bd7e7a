package memnet

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Goal: faults do what they say, on their link and in their direction only, and the same seed
// gives the same faults. Method: synctest bubbles; virtual time is measured exactly.

func TestLinkDelayKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(3)
		n.SetLink("client", "server", Link{Delay: Uniform(10*time.Millisecond, 90*time.Millisecond), SegmentBytes: 10})
		n.SetLink("server:9092", "client", Link{Delay: Constant(5 * time.Millisecond)})
		start := time.Now()
		c, s := connect(t, n)
		if d := time.Since(start); d < 15*time.Millisecond || d > 95*time.Millisecond {
			t.Errorf("a round trip took %v", d)
		}
		want := make([]byte, 10_000)
		for i := range want {
			want[i] = byte(rand.New(rand.NewPCG(1, uint64(i))).Uint32())
		}
		start = time.Now()
		wantWrite(t, c, string(want))
		if d := time.Since(start); d != 0 {
			t.Errorf("the write waited %v for the delay", d)
		}
		wantRead(t, s, string(want))
		if d := time.Since(start); d < 80*time.Millisecond || d > 90*time.Millisecond {
			t.Errorf("1000 segments took %v, want the longest of 1000 draws", d)
		}
		start = time.Now()
		wantWrite(t, s, "back")
		wantRead(t, c, "back")
		if d := time.Since(start); d != 5*time.Millisecond {
			t.Errorf("the way back took %v", d)
		}
	})
}

func TestLinkDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		c, s := connect(t, n)
		n.SetLink("server", "client", Link{Delay: Constant(time.Second)})
		n.SetDefault(Link{Delay: Constant(time.Minute)}) // reaches open connections, not own links
		start := time.Now()
		wantWrite(t, c, "x")
		wantRead(t, s, "x")
		wantWrite(t, s, "y")
		wantRead(t, c, "y")
		if d := time.Since(start); d != time.Minute+time.Second {
			t.Errorf("there and back took %v", d)
		}
		// Within a host nothing is slow.
		l, _ := n.Listen("client:1")
		start = time.Now()
		local, err := n.Dial(context.Background(), "client", "client:1")
		if err != nil || time.Since(start) != 0 {
			t.Errorf("local dial took %v, %v", time.Since(start), err)
		}
		l.Close()
		local.Close()
	})
}

func TestLinkBandwidthIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.SetLink("client", "server", Link{BytesPerSecond: 1000, SegmentBytes: 100})
		a, sa := connect(t, n)
		b, sb := connect(t, n)
		start := time.Now()
		wantWrite(t, a, string(make([]byte, 3000)))
		wantWrite(t, b, string(make([]byte, 2000)))
		wantRead(t, sa, string(make([]byte, 3000)))
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("3000 bytes took %v", d)
		}
		wantRead(t, sb, string(make([]byte, 2000)))
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("5000 bytes took %v", d)
		}
		if got := n.Bytes("client", "server"); got != 5000 {
			t.Errorf("%d bytes counted", got)
		}
	})
}

func TestLinkLossStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(5)
		n.SetLink("client", "server", Link{Loss: 0.5, SegmentBytes: 1})
		c, s := connect(t, n)
		stalled := 0
		for i := range 200 {
			start := time.Now()
			wantWrite(t, c, string(rune('a'+i%26)))
			wantRead(t, s, string(rune('a'+i%26)))
			switch d := time.Since(start); {
			case d == 0:
			case d >= retransmitFirst && d%retransmitFirst == 0:
				stalled++
			default:
				t.Fatalf("a lost segment took %v", d)
			}
		}
		if stalled < 70 || stalled > 130 {
			t.Errorf("%d of 200 segments stalled at a loss of one half", stalled)
		}
	})
}

func TestLinkResetInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := map[int]bool{}
		for seed := range uint64(40) {
			n := New(seed)
			n.SetLink("client", "server", Link{Reset: 0.1, SegmentBytes: 100, Delay: Constant(time.Millisecond)})
			c, s := connect(t, n)
			wantWrite(t, s, "arrived")
			synctest.Wait()
			sent, err := c.Write(make([]byte, 100_000))
			wantError(t, err, syscall.ECONNRESET)
			got, err := io.Copy(io.Discard, s)
			wantError(t, err, syscall.ECONNRESET)
			if int(got) != sent {
				t.Errorf("seed %d: %d bytes sent before the reset, %d received", seed, sent, got)
			}
			cut[sent%100] = true
			wantRead(t, c, "arrived")
			wantReadError(t, c, syscall.ECONNRESET)
			_, err = s.Write([]byte("x"))
			wantError(t, err, syscall.ECONNRESET)
		}
		if len(cut) < 20 {
			t.Errorf("resets cut segments at %d places only", len(cut))
		}
	})
}

func TestLinkCorrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(5)
		n.SetLink("client", "server", Link{Corrupt: 1, SegmentBytes: 50})
		c, s := connect(t, n)
		wantWrite(t, c, string(make([]byte, 1000)))
		b := make([]byte, 1000)
		io.ReadFull(s, b)
		for i := 0; i < 1000; i += 50 {
			ones := 0
			for _, x := range b[i : i+50] {
				for ; x != 0; x &= x - 1 {
					ones++
				}
			}
			if ones != 1 {
				t.Errorf("segment at %d has %d flipped bits", i, ones)
			}
		}
	})
}

func TestRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		l, _ := n.Listen("server:1")
		defer l.Close()
		n.SetLink("client", "server", Link{Refuse: true})
		_, err := n.Dial(context.Background(), "client", "server:1")
		wantError(t, err, syscall.ECONNREFUSED)
		c, err := n.Dial(context.Background(), "other", "server:1")
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// expectSilence checks that nothing arrives for an hour.
func expectSilence(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Hour))
	wantReadError(t, c, os.ErrDeadlineExceeded)
	c.SetReadDeadline(time.Time{})
}

func TestPartitionStopsBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		c, s := connect(t, n)
		wantWrite(t, c, "before")
		n.Partition("client", "server")
		wantWrite(t, c, "during")
		wantWrite(t, s, "during")
		wantRead(t, s, "before") // had arrived
		expectSilence(t, s)
		expectSilence(t, c)
		healed := time.Now()
		n.Heal("server", "client")
		wantRead(t, s, "during")
		wantRead(t, c, "during")
		if d := time.Since(healed); d > retransmitLongest {
			t.Errorf("came %v after healing", d)
		}
		start := time.Now()
		wantWrite(t, c, "after")
		wantRead(t, s, "after")
		if d := time.Since(start); d > retransmitLongest {
			t.Errorf("a healed link takes %v", d)
		}
	})
}

func TestBlockStopsOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		c, s := connect(t, n)
		n.Block("client", "server")
		wantWrite(t, c, "lost on the way")
		c.(closeWriter).CloseWrite()
		wantWrite(t, s, "arrives")
		wantRead(t, c, "arrives")
		expectSilence(t, s) // neither bytes nor the end
		n.Unblock("client", "server")
		wantRead(t, s, "lost on the way")
		wantReadError(t, s, io.EOF)
	})
}

func TestBlockedWriterNeverLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		c, s := connect(t, n)
		n.Partition("client", "server")
		s.Close()
		expectSilence(t, c)
		done := make(chan error, 1)
		go func() { _, err := c.Write(make([]byte, 2*BufferBytes)); done <- err }()
		time.Sleep(time.Hour)
		select {
		case err := <-done:
			t.Fatalf("write ended behind a partition: %v", err)
		default:
		}
		n.HealAll()
		wantError(t, <-done, syscall.EPIPE)
		wantReadError(t, c, io.EOF)
	})
}

func TestIsolate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, ctx := New(1), context.Background()
		c, s := connect(t, n)
		n.Isolate("server")
		wantWrite(t, c, "x")
		expectSilence(t, s)
		l, _ := n.Listen("server:2")
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, err := n.Dial(short, "stranger", "server:2")
		wantError(t, err, context.DeadlineExceeded)
		cancel()
		local, err := n.Dial(ctx, "server", "server:2")
		if err != nil {
			t.Fatal(err)
		}
		local.Close()
		l.Close()
		n.Rejoin("server")
		wantRead(t, s, "x")
	})
}

func TestDialOverPartition(t *testing.T) {
	for _, way := range []struct{ name, from, to string }{{"there", "client", "server"}, {"back", "server", "client"}} {
		t.Run(way.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, ctx := New(1), context.Background()
				l, _ := n.Listen("server:1")
				defer l.Close()
				n.Block(way.from, way.to)
				start := time.Now()
				_, err := n.Dial(ctx, "client", "server:1")
				wantError(t, err, syscall.ETIMEDOUT)
				if d := time.Since(start); d != connectTimeout {
					t.Errorf("gave up after %v", d)
				}
				time.AfterFunc(10*time.Second, func() { n.Unblock(way.from, way.to) })
				start = time.Now()
				c, err := n.Dial(ctx, "client", "server:1")
				if err != nil {
					t.Fatal(err)
				}
				if d := time.Since(start); d < 10*time.Second || d > 11*time.Second {
					t.Errorf("connected after %v", d)
				}
				c.Close()
			})
		})
	}
}

func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		c, s := connect(t, n)
		other, far := connect(t, n)
		wantWrite(t, c, "arrived")
		n.SetLink("client", "server", Link{Delay: Constant(time.Second)})
		wantWrite(t, c, "on its way")
		n.Partition("client", "server")
		blocked := make(chan error)
		go func() { _, err := c.Read(make([]byte, 1)); blocked <- err }()
		synctest.Wait()
		n.Reset("server", "client")
		wantError(t, <-blocked, syscall.ECONNRESET)
		wantRead(t, s, "arrived")
		wantReadError(t, s, syscall.ECONNRESET)
		_, err := s.Write([]byte("x"))
		wantError(t, err, syscall.ECONNRESET)
		wantReadError(t, other, syscall.ECONNRESET)
		wantReadError(t, far, syscall.ECONNRESET)

		n.HealAll()
		c, s = connect(t, n)
		n.ResetHost("somebody")
		wantWrite(t, c, "still there")
		wantRead(t, s, "still there")
		n.ResetHost("server")
		wantReadError(t, c, syscall.ECONNRESET)
	})
}

// TestSameSeed runs one exchange under all kinds of faults and compares the times of everything
// that arrived.
func TestSameSeed(t *testing.T) {
	run := func(seed uint64) (trace []byte) {
		synctest.Test(t, func(t *testing.T) {
			n := New(seed)
			n.SetDefault(Link{Delay: Exponential(time.Millisecond, 20*time.Millisecond), Loss: 0.1, Corrupt: 0.2, SegmentBytes: 64})
			c, s := connect(t, n)
			start := time.Now()
			for i := range 20 {
				if i == 10 {
					n.Partition("client", "server")
				}
				wantWrite(t, c, string(bytes.Repeat([]byte{byte(i)}, 200)))
				if i == 12 {
					time.Sleep(time.Second)
					n.HealAll()
				}
			}
			b := make([]byte, 4000)
			for got := 0; got < len(b); {
				k, err := s.Read(b[got:])
				if err != nil {
					t.Fatal(err)
				}
				trace = append(trace, b[got:got+k]...)
				trace = append(trace, time.Since(start).String()...)
				got += k
			}
		})
		return trace
	}
	a, b, c := run(11), run(11), run(12)
	if !bytes.Equal(a, b) {
		t.Error("the same seed gave two histories")
	}
	if bytes.Equal(a, c) {
		t.Error("two seeds gave one history")
	}
}
