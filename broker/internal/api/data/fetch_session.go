package data

import (
	"bytes"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
)

// open finds out what is wanted: by the request alone, or by a session that the request goes on with (SURFACE 72). An
// error is one of the whole request.
func (s *fetch) open() *kerr.Error {
	s.wants, s.session, s.fresh, s.keep = s.wants[:0], nil, false, wire.MaxKept
	id, epoch := s.req.SessionID, s.req.SessionEpoch
	if epoch != epochFinal && epoch != epochFirst {
		return s.resume(id, epoch)
	}
	if id != 0 {
		s.h.sessions.remove(id)
	}
	s.fresh = epoch == epochFirst && s.req.ReplicaID < 0
	s.all()
	return nil
}

// all wants what the request names.
func (s *fetch) all() {
	for i := range s.req.Topics {
		t := &s.req.Topics[i]
		for j := range t.Partitions {
			s.wants = append(s.wants, fetchWant{name: t.Name, id: t.ID, want: t.Partitions[j]})
		}
	}
	if len(s.wants) > maxUnchecked {
		s.wants = dropRepeated(s.wants)
	}
}

// maxUnchecked is how many partitions a request may name before it is looked at for repetitions: each
// costs a read now and a watch at every append, and a few megabytes can name one partition a hundred thousand times.
const maxUnchecked = 1000

// dropRepeated keeps the last of each partition, as Kafka does, in the order of their first.
func dropRepeated(wants []fetchWant) []fetchWant {
	type key struct {
		name  string
		id    kafka.TopicID
		index int32
	}
	at := make(map[key]int, min(len(wants), 4*maxUnchecked))
	kept := wants[:0]
	for _, w := range wants {
		k := key{string(w.name), w.id, w.want.Index}
		if i, ok := at[k]; ok {
			kept[i] = w
			continue
		}
		at[k] = len(kept)
		kept = append(kept, w)
	}
	return kept
}

// resume brings the session up to date with the request.
func (s *fetch) resume(id, epoch int32) *kerr.Error {
	x := s.h.sessions.use(id, s.r.Now)
	if x == nil {
		return kerr.FetchSessionIDNotFound
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.mu.epoch != epoch && !plantedAnyEpoch:
		return kerr.InvalidFetchSessionEpoch
	case x.byID != (s.r.Version >= fetchTopicID):
		return kerr.FetchSessionTopicIDError
	}
	x.updateLocked(&s.req)
	if len(x.mu.at) == 0 { // the last partition was forgotten
		s.h.sessions.remove(id)
		return nil
	}
	if changed := len(s.req.Topics) > 0 || len(s.req.Forgotten) > 0; changed {
		if bytes, size := x.weightLocked(); !s.h.sessions.resize(x, bytes, size) {
			return kerr.FetchSessionIDNotFound
		}
	}
	x.mu.epoch = nextEpoch(x.mu.epoch)
	s.session, s.epoch = x, x.mu.epoch
	s.wants = x.wantsLocked(slices.Grow(s.wants, len(x.mu.at)))
	// A consumer of many partitions asks for all of them again and again. What stays for it is in proportion to what the
	// session itself remembers, and bounded with it; twice, because slices grow in steps.
	s.keep = max(wire.MaxKept, 2*len(s.wants))
	return nil
}

// close settles what the answer holds, and tells its session id. For a session that went on it leaves out what has no
// news; for one that is to begin it remembers everything.
func (s *fetch) close() (sessionID int32, refused *kerr.Error) {
	switch {
	case s.session != nil:
		return s.session.id, s.leaveOut()
	case s.fresh && len(s.wants) > 0:
		return s.remember(), nil
	}
	return 0, nil
}

func (s *fetch) leaveOut() *kerr.Error {
	x := s.session
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.mu.epoch != s.epoch { // another request of the session has overtaken this one
		return kerr.InvalidFetchSessionEpoch
	}
	for i := range s.parts {
		part := &s.parts[i]
		part.omit = !x.tellLocked(s.wants[i].at, &part.result, part.slice.Len())
	}
	return nil
}

// remember makes a session of a full request, if there is room, and returns its id, else 0.
func (s *fetch) remember() int32 {
	weight := int64(len(s.wants)) * sessionPartBytes
	for i := range s.req.Topics {
		weight += int64(len(s.req.Topics[i].Name))
	}
	x := s.h.sessions.create(s.r.Now, s.r.Version >= fetchTopicID, weight, len(s.wants))
	if x == nil {
		return 0
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range s.wants {
		w, part := &s.wants[i], &s.parts[i]
		at := x.putLocked(w.name, w.id, &w.want)
		x.mu.parts[at].watermark, x.mu.parts[at].logStart = part.result.HighWatermark, part.result.LogStartOffset
	}
	return x.id
}

// sameTopic reports whether two partitions stand under one topic in the answer.
func (s *fetch) sameTopic(i, j int) bool {
	a, b := &s.wants[i], &s.wants[j]
	if s.r.Version >= fetchTopicID {
		return a.id == b.id
	}
	return bytes.Equal(a.name, b.name)
}

// run is the parts, from one that is sent on, that stand under one topic: how many are sent, and where the next
// topic begins.
func (s *fetch) run(from int) (sent, next int) {
	for next = from; next < len(s.parts); next++ {
		if s.parts[next].omit {
			continue
		}
		if !s.sameTopic(from, next) {
			break
		}
		sent++
	}
	return sent, next
}

// skip is the first part from i on that is sent.
func (s *fetch) skip(i int) int {
	for i < len(s.parts) && s.parts[i].omit {
		i++
	}
	return i
}

// topics is how many the answer holds.
func (s *fetch) topics() (n int) {
	for i := s.skip(0); i < len(s.parts); n++ {
		_, i = s.run(i)
	}
	return n
}
