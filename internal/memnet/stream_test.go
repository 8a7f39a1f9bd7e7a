package memnet

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestStreamUnderFaults: whatever happens on the way, a reader sees a prefix of what was written,
// in order and once; all of it and then the end if nothing broke the connection; and never a byte
// behind a reset. Method: random links, partitions and deadlines; byte i of a stream is a
// function of i.
func TestStreamUnderFaults(t *testing.T) {
	ends := map[string]int{}
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 77))
			n := New(seed)
			conf := Link{
				Delay:        Exponential(0, time.Duration(rng.IntN(50))*time.Millisecond),
				SegmentBytes: rng.IntN(3000),
				Loss:         rng.Float64() / 4,
			}
			if rng.IntN(2) == 0 {
				conf.BytesPerSecond = 1000 + rng.Int64N(1_000_000)
			}
			if rng.IntN(3) == 0 {
				conf.Reset = 0.002
			}
			n.SetLink("client", "server", conf)
			c, s := connect(t, n)

			total := rng.IntN(3 * BufferBytes)
			written := make(chan struct{})
			go func() {
				defer close(written)
				b := make([]byte, total)
				for i := range b {
					b[i] = pattern(i)
				}
				for len(b) > 0 {
					k := min(len(b), 1+rng.IntN(40_000))
					c.SetWriteDeadline(time.Now().Add(time.Duration(1+rng.IntN(30)) * time.Second))
					k, err := c.Write(b[:k])
					b = b[k:]
					if errors.Is(err, syscall.ECONNRESET) {
						return
					}
					if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("seed %d: write: %v", seed, err)
						return
					}
				}
				c.(closeWriter).CloseWrite()
			}()
			stop := make(chan struct{})
			go func() {
				faults := rand.New(rand.NewPCG(seed, 78))
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(faults.IntN(3000)) * time.Millisecond):
					}
					switch faults.IntN(40) {
					case 0:
						n.Reset("client", "server")
					case 1, 2, 3, 4:
						n.Partition("client", "server")
					case 5, 6:
						n.Block("server", "client")
					default:
						n.HealAll()
					}
				}
			}()
			defer func() {
				close(stop)
				if t.Failed() {
					c.Close()
				}
				<-written
			}()

			got, buf := 0, make([]byte, 5000)
			for {
				k, err := s.Read(buf[:1+spread(got)%len(buf)])
				for i, x := range buf[:k] {
					if x != pattern(got+i) {
						t.Fatalf("seed %d: byte %d is not the one that was written", seed, got+i)
					}
				}
				got += k
				if err == nil {
					continue
				}
				switch {
				case err == io.EOF && got != total:
					t.Fatalf("seed %d: the end after %d of %d bytes", seed, got, total)
				case err == io.EOF:
					ends["whole"]++
				case errors.Is(err, syscall.ECONNRESET):
					ends["reset"]++
				default:
					t.Fatalf("seed %d: read: %v", seed, err)
				}
				if k, again := s.Read(buf); k != 0 || again.Error() != err.Error() {
					t.Errorf("seed %d: after %v came %d bytes and %v", seed, err, k, again)
				}
				return
			}
		})
	}
	if ends["whole"] < 30 || ends["reset"] < 30 {
		t.Errorf("ends %v: too few of one kind", ends)
	}
}

func pattern(i int) byte { return byte(i*7 + i>>8*31 + i>>16) }

// rng2 is a size that differs from read to read; the writer's numbers are not the reader's.
func spread(i int) int { return int(uint32(i+1) * 2654435761 >> 12) }
