package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// TestSessionEviction: who may push out whom when the slots are taken (KIP-227).
func TestSessionEviction(t *testing.T) {
	t0 := time.UnixMilli(1_700_000_000_000)
	c := newSessionCache(2, 1<<20)
	small := c.create(t0, false, 100, 1)
	large := c.create(t0.Add(time.Second), false, 100, 10)
	at := t0.Add(2 * time.Second)
	f := func(size int, want bool) *session {
		t.Helper()
		s := c.create(at, false, 100, size)
		if (s != nil) != want {
			t.Fatalf("session of %d at %v: %v", size, at.Sub(t0), s != nil)
		}
		return s
	}
	f(100, false) // both are young
	at = t0.Add(sessionEvictionAge + 2*time.Second)
	c.use(small.id, at)
	c.use(large.id, at)
	f(1, false)         // not larger than the smaller one
	third := f(2, true) // old enough, and smaller
	if c.use(small.id, at) != nil || c.use(large.id, at) == nil {
		t.Fatal("the wrong one was evicted")
	}
	f(1000, true) // the large one is old too
	if c.use(large.id, at) != nil || c.use(third.id, at) == nil {
		t.Fatal("the wrong one was evicted")
	}
	f(1000, false)
	at = at.Add(sessionEvictionAge + 1)
	f(1, true) // nobody has used the others for so long
	if c.mu.evicted != 3 || len(c.mu.sessions) != 2 || c.mu.used.Len() != 2 || c.mu.bytes != 200 {
		t.Errorf("%d evicted, %d sessions, %d bytes", c.mu.evicted, len(c.mu.sessions), c.mu.bytes)
	}
}

func TestSessionsAreBoundedInBytes(t *testing.T) {
	now := time.UnixMilli(0)
	c := newSessionCache(100, 1000)
	a := c.create(now, false, 600, 1)
	if c.create(now, false, 600, 1) != nil {
		t.Error("no room, but a session")
	}
	b := c.create(now, false, 400, 1)
	if a == nil || b == nil {
		t.Fatal("room, but no session")
	}
	if !c.resize(a, 500, 1) || !c.resize(b, 500, 2) {
		t.Error("resized within the bound, but ended")
	}
	if c.resize(b, 501, 3) || c.use(b.id, now) != nil {
		t.Error("grown beyond the bound, but not ended")
	}
	if c.resize(b, 1, 1) {
		t.Error("an ended session was resized")
	}
	if c.mu.bytes != 500 {
		t.Errorf("%d bytes", c.mu.bytes)
	}
	if newSessionCache(0, 1000).create(now, false, 1, 1) != nil {
		t.Error("no slots, but a session")
	}
}

// TestSessionAgainstAModel: random updates against a plain list.
func TestSessionAgainstAModel(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := newSession(1, false, time.Time{})
		var model []string
		for range 300 {
			topic, index := []byte{'a' + byte(rng.IntN(4))}, int32(rng.IntN(4))
			key := fmt.Sprintf("%s-%d", topic, index)
			i := slices.Index(model, key)
			switch rng.IntN(3) {
			case 0:
				s.putLocked(topic, kafka.TopicID{}, &wire.FetchPartition{Index: index})
				if i < 0 {
					model = append(model, key)
				}
			case 1:
				s.forgetLocked(topic, kafka.TopicID{}, index)
				if i >= 0 {
					model = slices.Delete(model, i, i+1)
				}
			default:
				if i >= 0 {
					at := s.mu.at[sessionKey{s.mu.names[string(topic)], index}]
					s.tellLocked(at, &wire.FetchPartitionResult{}, 1)
					model = append(slices.Delete(model, i, i+1), key)
				}
			}
			var got []string
			for _, w := range s.wantsLocked(nil) {
				got = append(got, fmt.Sprintf("%s-%d", w.name, w.want.Index))
			}
			if !slices.Equal(got, model) {
				t.Fatalf("seed %d: %q, want %q", seed, got, model)
			}
			topics := map[byte]bool{}
			for _, k := range model {
				topics[k[0]] = true
			}
			if bytes, size := s.weightLocked(); size != len(model) || len(s.mu.names) != len(topics) || bytes != int64(len(s.mu.parts))*sessionPartBytes+int64(len(topics)) {
				t.Fatalf("seed %d: %d bytes, %d partitions, %d topics", seed, bytes, size, len(s.mu.names))
			}
		}
	}
}
