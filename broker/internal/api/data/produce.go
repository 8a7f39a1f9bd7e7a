package data

import (
	"errors"
	"time"

	"github.com/thalweg-io/thalweg/broker/internal/delayed"
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/quota"
	"github.com/thalweg-io/thalweg/broker/internal/replica"
	"github.com/thalweg-io/thalweg/broker/internal/security"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// Produce: key 0, versions 3 to 13. Differs from Kafka: transactional records are refused
// (INVALID_TXN_STATE) until there is a transaction coordinator.
//
//	3   transactional id, record batches of magic 2 only (KIP-98)
//	5   log start offset in the answer (KIP-107)
//	7   zstd allowed (KIP-110)
//	8   record errors and message in the answer (KIP-467)
//	9   flexible (KIP-482)
//	10  leader hints in the answer (KIP-951)
//	11  client supports newer transaction errors (KIP-890)
//	12  transactions without AddPartitionsToTxn (KIP-890)
//	13  topics by id (KIP-516)
func (h *Handlers) Produce(r *network.Request) network.Disposition {
	s := slotOf(r)
	if s.produce == nil {
		s.produce = &produce{h: h}
	}
	return s.produce.serve(r)
}

// maxProduceWait bounds how long an acks=all may ask to wait.
const maxProduceWait = 24 * time.Hour

// produce is one Produce in its answer slot; used again for the slot's next one.
type produce struct {
	h *Handlers
	r *network.Request

	req     wire.ProduceRequest
	resp    wire.ProduceResponse
	results []wire.ProduceResult // of all topics, in request order
	waits   []appended           // what acks=all waits for
	op      delayed.Op
	opts    replica.AppendOptions
	failed  bool
	// noTransaction: there are transactional records, but no transactional id.
	noTransaction bool
}

// appended is a batch that waits to be committed.
type appended struct {
	p      *replica.Partition
	a      replica.Appended
	result int // index in results
}

// Versions from which on Produce has a feature.
const (
	produceZstd    = 7
	produceHints   = 10
	produceTopicID = 13
)

func (s *produce) serve(r *network.Request) network.Disposition {
	s.r = r
	if err := s.req.Parse(r.Version, r.Payload); err != nil {
		return network.Hangup
	}
	s.begin()
	for i := range s.req.Topics {
		s.topic(i)
	}
	if s.req.Acks == 0 {
		defer s.done()
		s.h.throttle(r, quota.Produce, r.Size())
		if s.failed { // SURFACE 7: closing is the only way to tell
			return network.Hangup
		}
		return network.Silent
	}
	s.resp.ThrottleMs = s.h.throttle(r, quota.Produce, r.Size())
	if len(s.waits) > 0 && !plantedAcksBeforeFlush && s.park() {
		return network.Pending
	}
	s.settle(nil)
	s.answer()
	return network.Answered
}

// begin makes room for the results, so that the answer's topics can be sub-slices of them.
func (s *produce) begin() {
	n := 0
	for i := range s.req.Topics {
		n += len(s.req.Topics[i].Partitions)
	}
	if cap(s.results) < n {
		s.results = make([]wire.ProduceResult, 0, n)
	}
	s.results, s.waits, s.failed = s.results[:0], s.waits[:0], false
	s.resp.Topics, s.resp.Endpoints = s.resp.Topics[:0], s.resp.Endpoints[:0]
	s.opts.Acks, s.opts.AllowZstd, s.opts.Now = s.req.Acks, s.r.Version >= produceZstd, s.r.Now
	s.opts.Validator = &connectionOf(s.r).validator
	s.noTransaction = s.req.TransactionalID == nil && s.hasTransactional()
}

// hasTransactional reports whether any batch of the request belongs to a transaction.
func (s *produce) hasTransactional() bool {
	for i := range s.req.Topics {
		for j := range s.req.Topics[i].Partitions {
			if checkTransaction(s.req.Topics[i].Partitions[j].Records) != nil {
				return true
			}
		}
	}
	return false
}

func (s *produce) topic(i int) {
	t := &s.req.Topics[i]
	byID := s.r.Version >= produceTopicID
	l := s.h.find(byID, t.Name, t.ID)
	refused := s.refused(l.name)
	first := len(s.results)
	for j := range t.Partitions {
		s.partition(&t.Partitions[j], l, byID, refused)
	}
	s.resp.Topics = append(s.resp.Topics, wire.ProduceTopicResult{Name: t.Name, ID: t.ID, Partitions: s.results[first:]})
}

// refused is why nothing may be produced to a topic, or nil.
func (s *produce) refused(topic string) error {
	switch {
	case s.req.Acks < -1 || s.req.Acks > 1: // SURFACE 42
		return errAcks
	case s.noTransaction: // SURFACE 47
		return errTransactionalID
	case topic != "" && !s.h.allowed(s.r, security.OpWrite, topic):
		return errNotAllowed
	case kafka.IsInternalTopic(topic) && string(s.r.ClientID) != "__admin_client": // SURFACE 27
		return errInternalTopic
	}
	return nil
}

func (s *produce) partition(part *wire.ProducePartition, l lookup, byID bool, err error) {
	var p *replica.Partition
	var a replica.Appended
	if err == nil {
		p, err = s.h.partition(l, byID, part.Index)
	}
	if err == nil {
		err = checkTransaction(part.Records)
	}
	if err == nil {
		a, err = p.Append(part.Records, &s.opts)
	}
	if err != nil {
		s.results = append(s.results, s.failure(part.Index, l.name, err))
		return
	}
	s.results = append(s.results, wire.ProduceResult{
		Index: part.Index, BaseOffset: a.BaseOffset, LogAppendTimeMs: a.AppendTimeMs, LogStartOffset: a.LogStart,
	})
	if s.req.Acks == replica.AcksAll {
		s.waits = append(s.waits, appended{p: p, a: a, result: len(s.results) - 1})
	}
}

// checkTransaction refuses transactional records while no transaction can be open.
func checkTransaction(records []byte) error {
	if b, _, err := batch.Next(records); err == nil && b.Transactional() {
		return errTransaction
	}
	return nil // whatever else is wrong is the validator's to say
}

func (s *produce) failure(index int32, topic string, err error) wire.ProduceResult {
	s.failed = true
	res := wire.ProduceResult{Index: index, ErrorCode: s.h.codeOf(err), BaseOffset: -1, LogAppendTimeMs: -1, LogStartOffset: -1}
	var invalid *batch.Invalid
	if errors.As(err, &invalid) {
		res.ErrorMessage = invalid.Message
		for _, e := range invalid.Records {
			res.RecordErrors = append(res.RecordErrors, wire.ProduceRecordError{Index: e.Index, Message: e.Message})
		}
	}
	if errors.Is(err, replica.ErrNotLeader) && s.r.Version >= produceHints {
		res.Leader, s.resp.Endpoints = s.h.leaderHint(s.r, topic, index, s.resp.Endpoints)
	}
	return res
}

// park makes the request wait for its high watermarks. It returns false if they have been
// reached already.
func (s *produce) park() bool {
	s.op.Begin(s, len(s.waits), len(s.waits))
	for i := range s.waits {
		w := &s.waits[i]
		s.op.Watch(w.p.Watermark(), w.a.LastOffset+1)
	}
	wait := min(max(time.Duration(s.req.TimeoutMs)*time.Millisecond, 0), maxProduceWait)
	return s.op.Park(s.h.Wheel, s.r.Now.Add(wait))
}

// End is called when the high watermarks were reached, a partition has moved, or time is up.
func (s *produce) End(why delayed.Reason) {
	late := error(nil)
	if why == delayed.Expired {
		late = errTimedOut // SURFACE 44: the records stay
	}
	r := s.r
	s.settle(late)
	s.answer()
	r.Complete(network.Answered)
}

// settle gives each partition that was waited for its outcome; late is what stands for "not committed yet".
func (s *produce) settle(late error) {
	for i := range s.waits {
		w := &s.waits[i]
		err := w.p.Committed(w.a)
		if errors.Is(err, replica.ErrUncommitted) {
			err = late
			if late == nil {
				err = replica.ErrNotLeader // kicked: it moved away and back
			}
		}
		if err != nil {
			res := &s.results[w.result]
			*res = s.failure(res.Index, w.p.ID().Topic, err)
		}
	}
}

// answer appends the answer and lets go of the frame.
func (s *produce) answer() {
	s.r.Out = s.resp.Append(s.r.Out, s.r.Version)
	s.done()
}

func (s *produce) done() {
	s.req.Reset()
	clear(s.resp.Topics)
	clear(s.waits)
	s.trim()
	s.r = nil
}

// trim gives back what an unusually large request needed.
func (s *produce) trim() {
	if cap(s.results) > wire.MaxKept {
		s.results = nil
	}
	if cap(s.waits) > wire.MaxKept {
		s.waits = nil
	}
	if cap(s.resp.Topics) > wire.MaxKept {
		s.resp.Topics = nil
	}
	s.op.Trim()
}
