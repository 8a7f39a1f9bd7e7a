package data

import (
	"math"
	"sync"
	"time"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// session is what a client's fetch session remembers (KIP-227): the partitions of its last full request, what was
// asked and told of each, and in which order they take their turn.
type session struct {
	id      int32
	byID    bool // by topic id (Fetch v13 and up) instead of by name
	created time.Time

	// Guarded by the cache's lock.
	used  time.Time
	bytes int64 // as counted against the cache's bound
	size  int   // partitions, as eviction sees them

	mu struct {
		sync.Mutex
		epoch  int32 // of the request that comes next
		names  map[string]*sessionTopic
		ids    map[kafka.TopicID]*sessionTopic
		at     map[sessionKey]int32 // place in parts
		parts  []sessionPart        // places that are free are in no list and not in at
		free   []int32
		first  int32 // in order of their turns; noPart if there are none
		last   int32
		length int // of all topics' names
	}
}

const noPart = -1

// Session epochs with a meaning of their own.
const (
	epochFinal = -1 // no session, or its end
	epochFirst = 0  // a new session
)

// nextEpoch is 1 after 0 and after the largest (SURFACE 74).
func nextEpoch(e int32) int32 {
	if e == math.MaxInt32 {
		return 1
	}
	return e + 1
}

type sessionTopic struct {
	name  []byte // nil by id
	id    kafka.TopicID
	parts int
}

type sessionKey struct {
	topic *sessionTopic
	index int32
}

// sessionPart is one partition: what the client wants, and what it was told last.
type sessionPart struct {
	topic      *sessionTopic
	want       wire.FetchPartition
	watermark  int64 // -1 if it was an error
	logStart   int64
	prev, next int32
}

// sessionPartBytes is what a partition counts for: sessionPart, its entry in the map and its share of both
// tables' spare room. Topics count with their name's length beside.
const sessionPartBytes = 256

func newSession(id int32, byID bool, now time.Time) *session {
	s := &session{id: id, byID: byID, created: now, used: now}
	s.mu.epoch = nextEpoch(epochFirst)
	s.mu.at = make(map[sessionKey]int32)
	s.mu.names, s.mu.ids = make(map[string]*sessionTopic), make(map[kafka.TopicID]*sessionTopic)
	s.mu.first, s.mu.last = noPart, noPart
	return s
}

func (s *session) topicLocked(name []byte, id kafka.TopicID) *sessionTopic {
	if s.byID {
		return s.mu.ids[id]
	}
	return s.mu.names[string(name)]
}

// putLocked adds a partition at the end, or updates what is wanted of one that is there. It returns its place.
func (s *session) putLocked(name []byte, id kafka.TopicID, want *wire.FetchPartition) int32 {
	t := s.topicLocked(name, id)
	if t == nil {
		t = s.addTopicLocked(name, id)
	}
	k := sessionKey{t, want.Index}
	if i, ok := s.mu.at[k]; ok {
		s.mu.parts[i].want = *want
		return i
	}
	i := int32(len(s.mu.parts))
	if n := len(s.mu.free); n > 0 {
		i, s.mu.free = s.mu.free[n-1], s.mu.free[:n-1]
	} else {
		s.mu.parts = append(s.mu.parts, sessionPart{})
	}
	s.mu.parts[i] = sessionPart{topic: t, want: *want, watermark: -1, logStart: -1}
	s.mu.at[k] = i
	t.parts++
	s.linkLocked(i)
	return i
}

func (s *session) addTopicLocked(name []byte, id kafka.TopicID) *sessionTopic {
	t := &sessionTopic{id: id}
	if s.byID {
		s.mu.ids[id] = t
		return t
	}
	t.name = append([]byte(nil), name...) // the request's aliases its frame
	s.mu.names[string(name)] = t
	s.mu.length += len(name)
	return t
}

func (s *session) forgetLocked(name []byte, id kafka.TopicID, index int32) {
	t := s.topicLocked(name, id)
	k := sessionKey{t, index}
	i, ok := s.mu.at[k]
	if !ok {
		return
	}
	s.unlinkLocked(i)
	s.mu.parts[i] = sessionPart{}
	s.mu.free = append(s.mu.free, i)
	delete(s.mu.at, k)
	if t.parts--; t.parts == 0 {
		delete(s.mu.names, string(t.name))
		delete(s.mu.ids, t.id)
		s.mu.length -= len(t.name)
	}
}

func (s *session) linkLocked(i int32) {
	p := &s.mu.parts[i]
	p.prev, p.next = s.mu.last, noPart
	if s.mu.last == noPart {
		s.mu.first = i
	} else {
		s.mu.parts[s.mu.last].next = i
	}
	s.mu.last = i
}

func (s *session) unlinkLocked(i int32) {
	p := &s.mu.parts[i]
	if p.prev == noPart {
		s.mu.first = p.next
	} else {
		s.mu.parts[p.prev].next = p.next
	}
	if p.next == noPart {
		s.mu.last = p.prev
	} else {
		s.mu.parts[p.next].prev = p.prev
	}
}

// updateLocked makes of the session what an incremental request asks for.
func (s *session) updateLocked(req *wire.FetchRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			s.putLocked(t.Name, t.ID, &t.Partitions[j])
		}
	}
	for i := range req.Forgotten {
		t := &req.Forgotten[i]
		for _, index := range t.Partitions {
			s.forgetLocked(t.Name, t.ID, index)
		}
	}
}

// wantsLocked appends what is wanted of every partition, in order of their turns.
func (s *session) wantsLocked(to []fetchWant) []fetchWant {
	for i := s.mu.first; i != noPart; i = s.mu.parts[i].next {
		p := &s.mu.parts[i]
		to = append(to, fetchWant{name: p.topic.name, id: p.topic.id, want: p.want, at: i})
	}
	return to
}

// weightLocked is what the session counts for in the cache.
func (s *session) weightLocked() (bytes int64, size int) {
	return int64(len(s.mu.parts))*sessionPartBytes + int64(s.mu.length), len(s.mu.at)
}

// tell notes what the client is told of a partition and reports whether there is anything new in it (SURFACE 72). One
// that has records goes to the end, so that others come first next time (SURFACE 73).
func (s *session) tellLocked(i int32, r *wire.FetchPartitionResult, records int) (news bool) {
	p := &s.mu.parts[i]
	news = records > 0 || r.ErrorCode != 0 || r.DivergingEpoch.Set || r.PreferredReadReplica >= 0 ||
		p.watermark != r.HighWatermark || p.logStart != r.LogStartOffset
	p.watermark, p.logStart = r.HighWatermark, r.LogStartOffset
	if records > 0 && !plantedUnfair {
		s.unlinkLocked(i)
		s.linkLocked(i)
	}
	return news || plantedTellAll
}
