package coordinatortest

import (
	"errors"
	"log/slog"
	"math/rand/v2"

	"github.com/thalweg-io/thalweg/broker/internal/coordinator"
	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Shard is one shard that is stepped by hand: a Log, and a machine that is a fold over it.
type Shard struct {
	Log   *Log
	Core  *coordinator.Core
	NowMs int64

	woken bool
}

// New makes a shard over an empty log and loads it. machine makes an empty machine, each time that the shard is loaded. image may be nil
// for a machine that never asks for it. Randomness is seeded the same for every Shard. more may change what the Core works with.
func New(machine func() coordinator.Machine, image *metadata.Image, more ...func(*coordinator.Options)) *Shard {
	s := &Shard{Log: new(Log), NowMs: 1_000_000}
	o := coordinator.Options{
		Topic:     "__consumer_offsets",
		Machine:   func(int32) coordinator.Machine { return machine() },
		Partition: func(int32) coordinator.Partition { return s.Log },
		Wake:      func(int32) { s.woken = true },
		Code: func(err error) *kerr.Error {
			if errors.Is(err, ErrFull) {
				return kerr.CoordinatorNotAvailable
			}
			return nil
		},
		Rand:   rand.New(rand.NewPCG(1, 2)),
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, change := range more {
		change(&o)
	}
	s.Core = coordinator.New(o, image)
	s.Core.Lead(0, s.Log.Epoch, s.NowMs)
	s.Step()
	return s
}

// Do makes a decision. A refusal, which only happens when the shard could not be loaded, is returned.
func (s *Shard) Do(decide func(*coordinator.Turn)) (refused *kerr.Error) {
	s.Core.Do(0, s.NowMs, func(t *coordinator.Turn, _ coordinator.Machine) { decide(t) },
		func(code *kerr.Error) { refused = code })
	s.Step()
	return refused
}

// Step does all that is due at the present time, until nothing is.
func (s *Shard) Step() {
	for {
		if s.woken {
			s.woken = false
			s.Core.Woken(0, s.NowMs)
		}
		if at, ok := s.Core.Next(s.NowMs); !s.woken && (!ok || at > s.NowMs) {
			return
		}
		s.Core.Step(s.NowMs)
	}
}

// Advance lets time pass: each timer and deadline on the way fires at its time.
func (s *Shard) Advance(ms int64) {
	end := s.NowMs + ms
	for {
		at, ok := s.Core.Next(s.NowMs)
		if !ok || at > end {
			break
		}
		s.NowMs = max(s.NowMs, at)
		s.Step()
	}
	s.NowMs = end
	s.Step()
}

// Commit moves the high watermark to the log's end and gives the answers that waited for it.
func (s *Shard) Commit() {
	s.Log.Commit()
	s.Step()
}

// Reload loses the leadership and wins it again: the machine is closed, and a new one replays the log.
func (s *Shard) Reload() {
	s.Log.Epoch++
	s.Core.Resign(0, s.Log.Epoch)
	s.Log.Epoch++
	s.Core.Lead(0, s.Log.Epoch, s.NowMs)
	s.Step()
}

// Publish shows the machine another image.
func (s *Shard) Publish(delta *metadata.Delta, image *metadata.Image) {
	s.Core.Publish(delta, image, s.NowMs)
	s.Step()
}
