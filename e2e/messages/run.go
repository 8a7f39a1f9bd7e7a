package messages

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// API is one API and version.
type API struct{ Key, Version int16 }

func (a API) String() string {
	return fmt.Sprintf("%s v%d", kmsg.NameForKey(a.Key), a.Version)
}

// Counts is what happened to the messages of one API and version.
type Counts struct {
	Valid, Answered int // answered valid ones are checked
	Damaged         int
	Closed          int // damaged ones after which the broker closed the connection
	Held            int // damaged ones that the broker did not answer in time: they ask it to wait
	Sentinels       int // valid requests behind damaged ones that were answered
}

func (c *Counts) add(d Counts) {
	c.Valid += d.Valid
	c.Answered += d.Answered
	c.Damaged += d.Damaged
	c.Closed += d.Closed
	c.Held += d.Held
	c.Sentinels += d.Sentinels
}

// Served asks a broker which APIs and versions it serves. Produce begins at 3, whatever it says (KAFKA-18659).
func Served(addr string) ([]API, error) {
	r := newRandom(1)
	c, err := dial(addr, r.Rand)
	if err != nil {
		return nil, err
	}
	defer c.drop()
	if _, err := c.Write(r.sentinel(1)); err != nil {
		return nil, err
	}
	_, body, err := c.answer(answerWithin)
	if err != nil {
		return nil, err
	}
	var resp kmsg.ApiVersionsResponse
	if err := resp.ReadFrom(body); err != nil {
		return nil, err
	}
	var all []API
	for _, k := range resp.ApiKeys {
		low := k.MinVersion
		if k.ApiKey == 0 {
			low = max(low, 3)
		}
		for v := low; v <= k.MaxVersion; v++ {
			all = append(all, API{k.ApiKey, v})
		}
	}
	return all, nil
}

// Options say how much goes through a broker.
type Options struct {
	Addr  string
	API   API
	N     int // valid messages, and as many damaged ones
	Conns int // connections at a time
	Seed  uint64
	IDs   [][16]byte // topic ids that exist
}

// Run sends the messages. An error says what is wrong, with the message that showed it.
func Run(ctx context.Context, o Options) (Counts, error) {
	var mu sync.Mutex
	var total Counts
	var errs []error
	var wg sync.WaitGroup
	for i := range o.Conns {
		wg.Go(func() {
			w := &worker{o: o, random: newRandom(o.Seed*1000 + uint64(i))}
			w.ids = o.IDs
			n := o.N/o.Conns + min(1, max(0, o.N%o.Conns-i))
			err := errors.Join(w.valid(ctx, n), w.damaged(ctx, n))
			w.close()
			mu.Lock()
			defer mu.Unlock()
			total.add(w.counts)
			if err != nil && len(errs) < 3 {
				errs = append(errs, fmt.Errorf("%v: %w", o.API, err))
			}
		})
	}
	wg.Wait()
	return total, errors.Join(errs...)
}

// worker has one connection at a time.
type worker struct {
	o Options
	*random
	c      *conn
	counts Counts
}

func (w *worker) close() {
	if w.c != nil {
		w.c.drop()
		w.c = nil
	}
}

func (w *worker) open() (err error) {
	if w.c == nil {
		w.c, err = dial(w.o.Addr, w.Rand)
	}
	return err
}

// valid sends valid messages, windowValid at a time; every one must be answered, in order.
func (w *worker) valid(ctx context.Context, n int) error {
	for sent := 0; sent < n && ctx.Err() == nil; {
		if err := w.open(); err != nil {
			return err
		}
		var frames [][]byte
		var all []byte
		for range min(windowValid, n-sent) {
			f := w.frame(w.request(w.o.API.Key, w.o.API.Version), int32(sent+len(frames)))
			frames, all = append(frames, f), append(all, f...)
		}
		if _, err := w.c.Write(all); err != nil {
			return fmt.Errorf("valid message %d: %w", sent, err)
		}
		w.counts.Valid += len(frames)
		for i, f := range frames {
			correlation, body, err := w.c.answer(answerWithin)
			if err == nil && correlation != int32(sent+i) {
				err = fmt.Errorf("answered with correlation id %d, not %d", correlation, sent+i)
			}
			if err == nil {
				err = checkAnswer(w.o.API.Key, w.o.API.Version, body)
			}
			if err != nil {
				return fmt.Errorf("valid message %s: %w", shown(f), err)
			}
			w.counts.Answered++
		}
		sent += len(frames)
	}
	return nil
}

// damaged sends damaged messages, each followed by a sentinel, windowBad at a time. After each the
// broker either goes on, and then answers the sentinel, or closes the connection, and then the rest is sent again.
func (w *worker) damaged(ctx context.Context, n int) error {
	var frames [][]byte
	made := 0
	for (made < n || len(frames) > 0) && ctx.Err() == nil {
		for len(frames) < windowBad && made < n {
			frames = append(frames, w.damage(w.frame(w.request(w.o.API.Key, w.o.API.Version), int32(made))))
			made++
		}
		if err := w.open(); err != nil {
			return err
		}
		var all []byte
		for i, f := range frames {
			all = append(append(all, f...), w.sentinel(sentinelID(i))...)
		}
		_, _ = w.c.Write(all) // it may have been closed half way: reading tells
		done, err := w.answers(frames)
		if err != nil {
			return err
		}
		w.counts.Damaged += done
		frames = frames[done:]
	}
	return nil
}

func sentinelID(i int) int32 { return int32(0x7e000000 + i) }

// answers reads until the last sentinel's answer, or the end of the connection, and returns how many of the frames have
// had their turn.
func (w *worker) answers(frames [][]byte) (done int, err error) {
	for done < len(frames) {
		correlation, body, err := w.c.answer(heldAfter)
		switch {
		case isTimeout(err):
			w.counts.Held++
		case err != nil:
			w.counts.Closed++
		case correlation == sentinelID(done):
			if err := checkAnswer(keyApiVersions, 0, body); err != nil {
				return done, fmt.Errorf("behind damaged message %s: %w", shown(frames[done]), err)
			}
			w.counts.Sentinels++
			done++
			continue
		default: // an answer to the damaged one
			if !w.same(frames[done]) {
				continue // of another version or API: what it looks like is not known here
			}
			if err := checkAnswer(w.o.API.Key, w.o.API.Version, body); err != nil {
				return done, fmt.Errorf("damaged message %s: %w", shown(frames[done]), err)
			}
			continue
		}
		w.close()
		return done + 1, nil
	}
	return done, nil
}

// same says whether a damaged frame still names the API and version that it was made for.
func (w *worker) same(f []byte) bool {
	return len(f) >= 8 && int16(binary.BigEndian.Uint16(f[4:])) == w.o.API.Key && int16(binary.BigEndian.Uint16(f[6:])) == w.o.API.Version
}

// shown is a frame for a message; long ones are cut.
func shown(f []byte) string {
	const most = 1500
	s := hex.EncodeToString(f)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}
