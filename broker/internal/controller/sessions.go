package controller

import (
	"maps"
	"math"
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/internal/kafka"
)

// sessions is what this controller heard of brokers in its term. Soft: it begins anew with each.
type sessions struct {
	timeoutMs  int64
	lastTickMs int64
	lastMs     int64 // the latest time seen
	brokers    map[kafka.BrokerID]*session
	// caughtUpAt is the offset that a broker whose registration was committed before this term
	// must have reached to be unfenced.
	caughtUpAt int64
}

type session struct {
	contactMs int64
	silent    bool  // only waited for, not heard of
	offset    int64 // metadata offset that the broker has reached, -1 unknown

	// Last offset of the records of its registration and of its controlled shutdown in this term:
	// -1 none, uncommitted not known yet.
	registeredAt, shutdownAt int64
}

// uncommitted stands for an offset that is not known yet.
const uncommitted = math.MaxInt64

func newSessions(timeoutMs int64) sessions {
	return sessions{timeoutMs: timeoutMs, brokers: make(map[kafka.BrokerID]*session)}
}

// touch notes that a broker was heard of, at a metadata offset if that is not negative.
func (s *sessions) touch(id kafka.BrokerID, nowMs, offset int64) *session {
	b := s.wait(id, nowMs)
	b.silent = false
	b.offset = max(b.offset, offset)
	return b
}

// see notes the time. When the wall clock has been set back, the sessions go back with it: they measure how
// long a broker was silent, and must not outlive it by the jump.
func (s *sessions) see(nowMs int64) {
	if back := s.lastMs - nowMs; back > 0 {
		for _, b := range s.brokers { // order-free: each is moved by the same
			b.contactMs -= back
		}
		s.lastTickMs -= back
	}
	s.lastMs = nowMs
}

// wait gives a broker a session time-out from now on; one that is new to the term counts as silent.
func (s *sessions) wait(id kafka.BrokerID, nowMs int64) *session {
	s.see(nowMs)
	b := s.brokers[id]
	if b == nil {
		b = &session{silent: true, offset: -1, registeredAt: -1, shutdownAt: -1}
		s.brokers[id] = b
	}
	b.contactMs = nowMs
	return b
}

// register begins the session of a new incarnation.
func (s *sessions) register(id kafka.BrokerID, nowMs int64) {
	delete(s.brokers, id)
	s.touch(id, nowMs, -1).registeredAt = uncommitted
}

// registered notes where the registration is in the log.
func (s *sessions) registered(id kafka.BrokerID, offset int64) {
	if b := s.brokers[id]; b != nil {
		b.registeredAt = offset
	}
}

// valid reports whether the broker was heard of within the time-out.
func (s *sessions) valid(id kafka.BrokerID, nowMs int64) bool {
	s.see(nowMs)
	b := s.brokers[id]
	return b != nil && !b.silent && s.inTime(b, nowMs)
}

func (s *sessions) inTime(b *session, nowMs int64) bool { return nowMs-b.contactMs < s.timeoutMs }

// caughtUp reports whether a broker at that metadata offset has seen its own registration.
func (s *sessions) caughtUp(id kafka.BrokerID, offset int64) bool {
	at := s.caughtUpAt
	if b := s.brokers[id]; b != nil && b.registeredAt >= 0 {
		at = b.registeredAt
	}
	return offset >= at
}

// expired returns the unfenced brokers of the image that were not heard of in time, by id. A gap
// between two calls that is long itself is not held against them: it was this process that slept.
func (s *sessions) expired(image *metadata.Image, nowMs int64) []kafka.BrokerID {
	s.see(nowMs)
	slept := s.lastTickMs != 0 && nowMs-s.lastTickMs > s.timeoutMs/2
	s.lastTickMs = nowMs
	var ids []kafka.BrokerID
	image.Brokers(func(b *metadata.Broker) bool {
		switch {
		case b.Fenced:
		case slept || s.brokers[b.ID] == nil:
			s.wait(b.ID, nowMs)
		case !s.inTime(s.brokers[b.ID], nowMs):
			ids = append(ids, b.ID)
		}
		return true
	})
	return ids
}

// lowestActive is the lowest metadata offset that an active broker other than id reported;
// MaxInt64 if there is none.
func (s *sessions) lowestActive(image *metadata.Image, except kafka.BrokerID) int64 {
	lowest := int64(math.MaxInt64)
	for _, id := range slices.Sorted(maps.Keys(s.brokers)) {
		if id != except && image.Broker(id).Active() {
			lowest = min(lowest, s.brokers[id].offset)
		}
	}
	return lowest
}
