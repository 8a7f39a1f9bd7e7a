package network

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// serveScript feeds reads to a connection and returns what was served, and what was written.
func serveScript(t testing.TB, reads [][]byte) (served []string, wrote []byte, why CloseReason) {
	s, err := NewServer(Options{Handler: &testHandler{serve: func(r *Request) Disposition {
		served = append(served, fmt.Sprintf("%d/%d #%d %q %d bytes %x",
			r.Key, r.Version, r.CorrelationID, r.ClientID, r.Size()-10-len(r.ClientID), crc32.ChecksumIEEE(r.Payload)))
		return echo(r)
	}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc := newScriptConn(reads...)
	if err := s.ServeConn(nc, Listener{}); err != nil {
		t.Fatal(err)
	}
	<-nc.closed
	s.wg.Wait()
	for r, n := range s.Stats().Closed {
		if n > 0 {
			why = CloseReason(r)
		}
	}
	return served, nc.wrote, why
}

// chunks cuts stream at random.
func chunks(rng *rand.Rand, stream []byte) [][]byte {
	var out [][]byte
	for len(stream) > 0 {
		n := min(1+rng.IntN(1<<rng.IntN(18)), len(stream))
		out = append(out, stream[:n:n])
		stream = stream[n:]
	}
	return out
}

// Goal: how the network cuts the stream does not matter. Method: frames of all sizes, small, as
// large as a read, above a buffer class, served in one piece and in random pieces.
func TestFramesInPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	sizes := []int{0, 1, 100, 4070, 4086, 4100, 70_000, 20, 262_130, 1 << 20, 5, 300_000}
	for i, n := range sizes {
		body := make([]byte, n)
		for j := range body {
			body[j] = byte(rng.Uint32())
		}
		stream = appendFrame(stream, keyProduce, produceVersion, int32(i), body)
	}
	want, wantOut, _ := serveScript(t, [][]byte{stream})
	if len(want) != len(sizes) {
		t.Fatalf("%d requests served, want %d", len(want), len(sizes))
	}
	for round := range 20 {
		got, out, why := serveScript(t, chunks(rng, stream))
		if fmt.Sprint(got) != fmt.Sprint(want) || !bytes.Equal(out, wantOut) || why != ClosedByClient {
			t.Fatalf("round %d: %d requests, %d bytes of answers, closed by %v; in one piece %d and %d",
				round, len(got), len(out), why, len(want), len(wantOut))
		}
	}
}

// FuzzFrames: any stream is served the same in one piece and in pieces, and none panics.
func FuzzFrames(f *testing.F) {
	f.Add(append(produce(1, "abc"), metadata(2, "de")...), uint64(1))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 3}, uint64(2))
	f.Add([]byte{0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 0, 5}, uint64(3))
	f.Add(append(metadata(1, string(make([]byte, 9000))), 0, 0, 0), uint64(4))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		want, wantOut, wantWhy := serveScript(t, [][]byte{bytes.Clone(stream)})
		got, out, why := serveScript(t, chunks(rand.New(rand.NewPCG(seed, 0)), bytes.Clone(stream)))
		if fmt.Sprint(got) != fmt.Sprint(want) || !bytes.Equal(out, wantOut) || why != wantWhy {
			t.Fatalf("in pieces: %v %x %v\nin one:    %v %x %v", got, out, why, want, wantOut, wantWhy)
		}
	})
}

// Goal: what is not a frame ends the connection, after earlier answers. Method: a good request,
// then each kind of bad one.
func TestBadFrames(t *testing.T) {
	length := func(n int32, rest ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(n)), rest...)
	}
	for name, c := range map[string]struct {
		bytes []byte
		why   CloseReason
	}{
		"negative length":     {length(-1), ClosedBadFrame},
		"largest length":      {length(1<<31 - 1), ClosedBadFrame},
		"too small":           {length(9), ClosedBadFrame},
		"above the option":    {length(100<<20 + 1), ClosedBadFrame},
		"above the API's":     {length(int32(wire.LimitOf(keyMetadata).MaxFrame+1), 0, keyMetadata, 0, 1), ClosedBadFrame},
		"client id too long":  {length(10, 0, 3, 0, 1, 0, 0, 0, 1, 0, 1), ClosedBadFrame},
		"refused by Admit":    {length(10, 0, 77, 0, 1), ClosedNotAdmitted},
		"end inside a length": {[]byte{0, 0}, ClosedByClient},
		"end inside a frame":  {length(10, 0, 3, 0, 1), ClosedByClient},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, Options{Handler: &testHandler{
				admit: func(_ *Session, key, _ int16, _ int) (int64, error) {
					if key == 77 {
						return 0, errRefused
					}
					return 0, nil
				},
				serve: echo,
			}})
			nc := newScriptConn(metadata(1, "good"), c.bytes)
			if err := s.ServeConn(nc, Listener{}); err != nil {
				t.Fatal(err)
			}
			<-nc.closed
			want := []byte{0, 0, 0, 8, 0, 0, 0, 1, 'g', 'o', 'o', 'd'}
			if !bytes.Equal(nc.wrote, want) {
				t.Errorf("wrote %x, want %x", nc.wrote, want)
			}
			wantReason(t, s, c.why)
		})
	}
}

// Goal: Admit is asked before the body has arrived, once per frame, with size, key and version.
func TestAdmitBeforeBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		s := newServer(t, Options{Handler: &testHandler{
			admit: func(_ *Session, key, version int16, size int) (int64, error) {
				asked = append(asked, fmt.Sprint(key, version, size))
				return 0, nil
			},
			serve: echo,
		}})
		c := dialPipe(t, s)
		frame := metadata(1, "0123456789")
		c.send(frame[:7])
		synctest.Wait()
		if len(asked) != 0 {
			t.Fatalf("asked %v before the version was there", asked)
		}
		c.send(frame[7:8])
		synctest.Wait()
		if fmt.Sprint(asked) != "[3 1 20]" {
			t.Fatalf("asked %v after 8 bytes, want [3 1 20]", asked)
		}
		c.send(frame[8:12])
		c.send(frame[12:])
		c.want(1, "0123456789")
		if len(asked) != 1 {
			t.Errorf("asked %d times", len(asked))
		}
	})
}

// Goal: the memory budget holds a large request back until another connection's is done, and
// shutdown ends the wait.
func TestMemoryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		serve, parked := parkProduce()
		s := newServer(t, Options{BudgetBytes: 300_000, Handler: &testHandler{
			admit: func(_ *Session, key, _ int16, size int) (int64, error) { return 2 * int64(size), nil },
			serve: serve,
		}})
		body := string(make([]byte, 100_000))
		a, b, small := dialPipe(t, s), dialPipe(t, s), dialPipe(t, s)
		a.send(produce(1, body))
		synctest.Wait()
		if got := s.Stats().BudgetBytes; got != 200_020 {
			t.Fatalf("budget in use %d, want 200020", got)
		}
		sent := make(chan struct{})
		go func() { b.send(produce(2, body)); close(sent) }()
		synctest.Wait()
		if len(parked) != 1 {
			t.Fatalf("%d requests served, want 1", len(parked))
		}
		small.send(metadata(3, "below the threshold"))
		small.want(3, "below the threshold")
		r := <-parked
		go r.Complete(Answered)
		a.want(1, "")
		<-sent
		synctest.Wait()
		if len(parked) != 1 {
			t.Fatal("second request not served after the first was answered")
		}
		go a.Write(produce(4, body)) // waits for the budget until the server closes
		synctest.Wait()
		go func() { (<-parked).Complete(Answered) }()
		b.want(2, "")
		synctest.Wait()
		if len(parked) != 1 {
			t.Fatal("third request not served after the second was answered")
		}
		go b.Write(produce(5, body))
		synctest.Wait()
		s.Close()
		(<-parked).Complete(Answered)
		if got := s.Stats().BudgetBytes; got != 0 {
			t.Errorf("budget in use %d after everything has ended, want 0", got)
		}
	})
}
