package data

import (
	"slices"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/api/message"
	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Fetch: key 1, versions 4 to 18. Differs from Kafka: followers are not served yet
// (NOT_LEADER_OR_FOLLOWER); no rack-aware reads; the memory of all sessions is bounded too.
//
//	5   log start offset (KIP-107)
//	7   sessions (KIP-227)
//	9   current leader epoch (KIP-320)
//	11  rack (KIP-392)
//	12  flexible, last fetched epoch, diverging epoch (KIP-595)
//	13  topics by id (KIP-516)
//	15  replica id in a tagged field (KIP-903)
//	16  leader hints in the answer (KIP-951)
//	17  directory id of followers (KIP-853)
//	18  high watermark of followers (KIP-1166)
func (h *Handlers) Fetch(r *network.Request) network.Disposition {
	s := slotOf(r)
	if s.fetch == nil {
		s.fetch = &fetch{h: h, wake: make(chan struct{}, 1)}
	}
	return s.fetch.serve(r)
}

const (
	fetchStorageError = 6  // KAFKA_STORAGE_ERROR is known from here on (SURFACE 79)
	fetchTopicID      = 13 // topics by id
	fetchHints        = 16
	// maxFetchWait bounds how long a client may ask to wait.
	maxFetchWait = 10 * time.Minute
	// leaveCheck is how often it is looked whether a waiting client is still there, as nobody reads its connection.
	leaveCheck = time.Second
)

// fetch is one Fetch in its answer slot; used again for the slot's next one. It waits on the connection's
// own goroutine.
type fetch struct {
	h *Handlers
	r *network.Request

	req       wire.FetchRequest
	wants     []fetchWant // what is wanted, in order
	parts     []fetchPart // what was found, in the same order
	session   *session    // that the request goes on with, or nil
	keep      int         // so many wants and parts stay for the slot's next request
	epoch     int32       // which the session has while nobody overtakes this request
	fresh     bool        // a session may begin
	endpoints []wire.NodeEndpoint
	read      replica.ReadOptions
	op        delayed.Op
	wake      chan struct{}
	timer     *time.Timer

	most    int  // bytes that the answer may have, except for its first batch
	bytes   int  // record bytes found
	instant bool // answer without waiting: an error, a diverging epoch (SURFACE 68), or more than fits
	answer  answer
}

// fetchWant is what is wanted of one partition. The name aliases the frame or belongs to the session.
type fetchWant struct {
	name []byte
	id   kafka.TopicID
	want wire.FetchPartition
	at   int32 // place in the session
}

// fetchPart is what was found in one partition.
type fetchPart struct {
	omit   bool               // nothing new in it: the session's answer leaves it out
	p      *replica.Partition // nil if there is none here
	result wire.FetchPartitionResult
	slice  storage.Slice
}

func (s *fetch) serve(r *network.Request) network.Disposition {
	s.r = r
	defer s.done()
	if err := s.req.Parse(r.Version, r.Payload); err != nil {
		return network.Hangup
	}
	if refused := s.open(); refused != nil {
		return s.none(refused.Code, 0)
	}
	if r.Mute > 0 { // by the request quota; the answer will be empty, so there is nothing to wait for
		return s.throttled()
	}
	account := s.h.Limiter.Account(quota.Fetch, r.Session.Principal, r.ClientID)
	s.most = int(min(s.req.MaxBytes, s.h.FetchMax))
	if account != nil {
		s.most = int(min(float64(s.most), account.Burst()))
	}
	deadline := r.Now.Add(min(max(time.Duration(s.req.MaxWaitMs)*time.Millisecond, 0), maxFetchWait))
	s.look()
	for last := s.req.MaxWaitMs <= 0; !last && !s.enough(); {
		last = s.wait(deadline)
		s.look()
	}
	if account != nil {
		now, bytes := r.Now.Add(r.Waited), float64(s.bytes)
		if r.Mute = account.Record(bytes, now); r.Mute > 0 {
			account.Unrecord(bytes, now)
			return s.throttled()
		}
	}
	id, refused := s.close()
	if refused != nil {
		s.drop()
		return s.none(refused.Code, id)
	}
	s.build(id)
	s.count()
	return network.Answered
}

// throttled answers with nothing at all, and the session has been told nothing (SURFACE 9).
func (s *fetch) throttled() network.Disposition {
	s.drop()
	id := int32(0)
	if s.session != nil {
		id = s.session.id
	}
	return s.none(0, id)
}

// count tells the partitions what is sent of them.
func (s *fetch) count() {
	for i := range s.parts {
		if part := &s.parts[i]; part.p != nil && !part.omit {
			part.p.Sent(part.slice.Len())
		}
	}
}

// none answers without any partition.
func (s *fetch) none(code int16, sessionID int32) network.Disposition {
	r := s.r
	r.Out = wire.AppendFetchHead(r.Out, r.Version, message.ThrottleMs(r), code, sessionID, 0)
	r.Out = wire.AppendFetchEnd(r.Out, r.Version, nil)
	return network.Answered
}

// enough reports whether the answer can go now (SURFACE 68). Nobody can have more than max_bytes.
func (s *fetch) enough() bool {
	least := min(int(s.req.MinBytes), s.most)
	return s.instant || len(s.parts) == 0 || s.bytes >= max(least, 0)
}

// look reads every partition anew, within the request's bounds (SURFACE 66).
func (s *fetch) look() {
	s.drop()
	s.parts, s.endpoints, s.bytes, s.instant = slices.Grow(s.parts[:0], len(s.wants)), s.endpoints[:0], 0, false
	left := s.most
	byID := s.r.Version >= fetchTopicID
	var l lookup
	var refused error
	for i := range s.wants {
		w := &s.wants[i]
		if i == 0 || !s.sameTopic(i-1, i) {
			l, refused = s.h.find(byID, w.name, w.id), nil
			if l.name != "" && !s.h.allowed(s.r, security.OpRead, l.name) {
				refused = errNotAllowed
			}
		}
		left -= s.partition(&w.want, l, byID, refused, left)
	}
}

// partition looks at one partition and returns the record bytes found, at most left unless it is
// the first one to have any.
func (s *fetch) partition(want *wire.FetchPartition, l lookup, byID bool, err error, left int) int {
	s.parts = append(s.parts, fetchPart{})
	part := &s.parts[len(s.parts)-1]
	if err == nil && s.req.ReplicaID >= 0 {
		err = replica.ErrNotLeader // followers are not served yet
	}
	if err == nil {
		part.p, err = s.h.partition(l, byID, want.Index)
	}
	var got replica.Read
	if err == nil {
		s.read = replica.ReadOptions{
			Offset: want.FetchOffset, MaxBytes: int32(max(min(int(want.MaxBytes), left), 0)), MinOne: s.bytes == 0 && !plantedNoMinOne,
			Isolation: kafka.Isolation(s.req.Isolation), CurrentEpoch: kafka.LeaderEpoch(want.CurrentLeaderEpoch),
			LastFetchedEpoch: kafka.LeaderEpoch(want.LastFetchedEpoch),
		}
		got, err = part.p.Read(&s.read)
	}
	if err != nil {
		part.result = s.failure(want.Index, l.name, err)
		s.instant = true
		return 0
	}
	part.slice = got.Slice
	part.result = wire.FetchPartitionResult{
		Index: want.Index, HighWatermark: got.HighWatermark, LastStableOffset: got.LastStableOffset,
		LogStartOffset: got.LogStartOffset, PreferredReadReplica: -1,
	}
	if s.read.Isolation == kafka.ReadCommitted {
		part.result.Aborted = noneAborted // SURFACE 57: null for read_uncommitted only
	}
	if got.Diverging {
		part.result.DivergingEpoch = wire.EpochEndOffset{Epoch: int32(got.DivergingEpoch), EndOffset: got.DivergingEnd, Set: true}
		s.instant = true
	}
	n := part.slice.Len()
	if n > 0 && part.slice.NextOffset() < got.Bound(s.read.Isolation) {
		s.instant = true // its segment or its share ends here: waiting brings nothing more (SURFACE 69)
	}
	s.bytes += n
	return n
}

var noneAborted = []wire.AbortedTransaction{}

func (s *fetch) failure(index int32, topic string, err error) wire.FetchPartitionResult {
	code := s.h.codeOf(err)
	if code == kerr.KafkaStorageError.Code && s.r.Version < fetchStorageError {
		code = kerr.NotLeaderForPartition.Code // SURFACE 79
	}
	res := wire.FetchPartitionResult{
		Index: index, ErrorCode: code,
		HighWatermark: -1, LastStableOffset: -1, LogStartOffset: -1, PreferredReadReplica: -1,
	}
	moved := code == kerr.NotLeaderForPartition.Code || code == kerr.FencedLeaderEpoch.Code
	if moved && s.r.Version >= fetchHints {
		res.CurrentLeader, s.endpoints = s.h.leaderHint(s.r, topic, index, s.endpoints)
	}
	return res
}

// wait parks until a partition has moved, the deadline, or the client or the broker is leaving, and reports whether
// it was none of the first.
func (s *fetch) wait(deadline time.Time) (last bool) {
	s.op.Begin(s, len(s.parts), 1)
	for i := range s.parts {
		if part := &s.parts[i]; part.p != nil {
			s.op.Watch(part.p.Watermark(), part.result.HighWatermark+1)
		}
	}
	left := time.Until(deadline)
	if left <= 0 {
		s.op.Cancel()
		return true
	}
	if !s.op.Park(nil, time.Time{}) {
		return false
	}
	began := time.Now()
	defer func() { s.r.Waited += time.Since(began) }()
	if s.timer == nil {
		s.timer = time.NewTimer(min(left, leaveCheck))
	} else {
		s.timer.Reset(min(left, leaveCheck))
	}
	defer s.timer.Stop()
	done := s.r.Done()
	for waiting := true; waiting; {
		select {
		case <-s.wake:
			return false
		case <-s.timer.C:
			left = time.Until(deadline)
			waiting = left > 0 && !s.r.Left()
			s.timer.Reset(min(left, leaveCheck))
		case <-done:
			waiting = false
		}
	}
	if !s.op.Cancel() {
		<-s.wake // it has ended elsewhere at this very moment
	}
	return true
}

// End wakes the connection's goroutine.
func (s *fetch) End(delayed.Reason) { s.wake <- struct{}{} }

// drop closes what was read and will not be sent.
func (s *fetch) drop() {
	for i := range s.parts {
		s.parts[i].slice.Close()
		s.parts[i].slice = storage.Slice{}
	}
	s.bytes = 0
}

// done lets go of the frame. The slices belong to the answer by now.
func (s *fetch) done() {
	clear(s.wants) // they alias it
	if s.wants = s.wants[:0]; cap(s.wants) > s.keep {
		s.wants = nil
	}
	if s.r.Tail == nil {
		s.trim()
	}
	s.op.Trim()
	s.session = nil
	s.req.Reset()
	s.r = nil
}

// trim gives back what an unusually large request needed. The answer has been sent.
func (s *fetch) trim() {
	if cap(s.parts) > s.keep {
		s.parts = nil
	}
	if cap(s.answer.pieces) > wire.MaxKept {
		s.answer.pieces = nil
	}
	if cap(s.answer.bytes) > maxKeptAnswer {
		s.answer.bytes = nil
	}
}
