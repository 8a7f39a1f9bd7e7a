package storage

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// windowBatches is how many batches of a producer are remembered for finding duplicates: as many
// as Kafka's clients keep in flight (SURFACE 48).
const windowBatches = 5

// seqBatch is what is remembered of one data batch of a producer: 24 bytes.
type seqBatch struct {
	last      int64 // last offset
	timestamp int64 // largest of its records
	seq       int32 // last sequence number, -1 for a batch outside the sequence
	delta     int32 // last minus first offset, and so last minus first sequence
}

func (s *seqBatch) firstSeq() int32 {
	if s.seq < 0 {
		return s.seq
	}
	return int32((uint32(s.seq) - uint32(s.delta)) & math.MaxInt32)
}

// producer is the state of one producer id in a log: 64 bytes, and a window once it has more than
// one batch.
type producer struct {
	id          kafka.ProducerID
	batch       seqBatch // the last one; meaningful if batches > 0
	timestamp   int64    // of the last batch or marker: what idleness is counted from
	txnFirst    int64    // first offset of the open transaction, -1 none
	coordinator int32    // epoch of the coordinator that wrote the last marker, -1 none
	window      int32    // 1 + index of the window of the batches before the last, 0 none
	epoch       kafka.ProducerEpoch
	batches     uint8 // that are remembered
}

// window is a ring of the batches before the last one; the oldest goes first.
type window struct {
	ring [windowBatches - 1]seqBatch
	next uint8
}

// producers is the state of the idempotent and transactional producers of one log: a fold over its
// batches (SURFACE 48-52, 54). It is flat: two slices and a map of numbers, and nothing at all as
// long as no batch has a producer id. A core; the log's lock guards it.
type producers struct {
	index   map[kafka.ProducerID]int32
	list    []producer
	windows []window
	free    []int32 // windows without producer
}

// lastSeq is the sequence number that the next batch of the epoch follows, -1 none yet.
func (e *producer) lastSeq() int32 {
	if e.batches == 0 {
		return -1
	}
	return e.batch.seq
}

// follows says whether sequence number next comes after last; they wrap from 2^31-1 to 0.
func follows(last, next int32) bool {
	return plantedSeqGap || next == last+1 || next == 0 && last == math.MaxInt32
}

func (p *producers) find(id kafka.ProducerID) *producer {
	if i, ok := p.index[id]; ok {
		return &p.list[i]
	}
	return nil
}

// check decides whether a batch may be appended. A client's batch must be in sequence and may be a
// duplicate of one in the window (dup is valid until the next change); what the broker's own parts write is only
// held to the epochs. An id that is not known may begin anywhere (SURFACE 49).
// coordinator is the epoch in a transaction marker. It changes nothing.
func (p *producers) check(b batch.Batch, coordinator int32, client bool) (dup *seqBatch, err error) {
	e := p.find(b.ProducerID())
	if e == nil {
		return nil, nil
	}
	epoch, first := b.ProducerEpoch(), b.BaseSequence()
	if client && epoch == e.epoch {
		if dup = p.duplicate(e, first, b.LastSequence()); dup != nil {
			return dup, nil
		}
	}
	switch {
	case epoch < e.epoch && !plantedFencedEpoch:
		return nil, fmt.Errorf("%w: producer %d has epoch %d, the log knows %d", ErrInvalidProducerEpoch, e.id, epoch, e.epoch)
	case b.Control():
		if coordinator < e.coordinator {
			return nil, fmt.Errorf("%w: producer %d: %d after %d", ErrCoordinatorFenced, e.id, coordinator, e.coordinator)
		}
		return nil, nil
	case client && epoch != e.epoch && first != 0:
		return nil, fmt.Errorf("%w: producer %d begins epoch %d with %d", ErrOutOfOrderSequence, e.id, epoch, first)
	case client && epoch == e.epoch && !follows(e.lastSeq(), first):
		return nil, fmt.Errorf("%w: producer %d sent %d after %d", ErrOutOfOrderSequence, e.id, first, e.lastSeq())
	case e.txnFirst >= 0 && !b.Transactional():
		return nil, fmt.Errorf("%w: producer %d has had an open transaction since offset %d", ErrInvalidTxnState, e.id, e.txnFirst)
	}
	return nil, nil
}

// duplicate finds the batch with exactly these first and last sequence numbers.
func (p *producers) duplicate(e *producer, first, last int32) *seqBatch {
	if e.batches == 0 {
		return nil
	}
	if e.batch.seq == last && e.batch.firstSeq() == first {
		return &e.batch
	}
	if e.window == 0 || plantedDupWindow {
		return nil
	}
	w := &p.windows[e.window-1]
	for i := uint8(1); i < e.batches; i++ {
		s := &w.ring[(w.next+uint8(len(w.ring))-i)%uint8(len(w.ring))]
		if s.seq == last && s.firstSeq() == first {
			return s
		}
	}
	return nil
}

// add takes a batch that has been appended, whatever its sequence says: what is in the log is true
// (followers and recovery check nothing). coordinator is the epoch in a transaction marker.
func (p *producers) add(b batch.Batch, coordinator int32) {
	e := p.entry(b.ProducerID())
	if epoch := b.ProducerEpoch(); epoch != e.epoch {
		e.epoch, e.batches = epoch, 0
	}
	e.timestamp = b.MaxTimestamp()
	if b.Control() {
		e.coordinator, e.txnFirst = coordinator, -1
		return
	}
	s := seqBatch{last: b.LastOffset(), timestamp: b.MaxTimestamp(), seq: b.LastSequence(), delta: b.LastOffsetDelta()}
	if e.batches > 0 && !follows(e.batch.seq, s.firstSeq()) { // it began anew: what it sent before is not to be found by these numbers
		e.batches = 0
	}
	p.push(e, s)
	if e.txnFirst < 0 && b.Transactional() {
		e.txnFirst = b.BaseOffset()
	}
}

// entry is the state of id, made if need be.
func (p *producers) entry(id kafka.ProducerID) *producer {
	if e := p.find(id); e != nil {
		return e
	}
	if p.index == nil {
		p.index = map[kafka.ProducerID]int32{}
	}
	p.index[id] = int32(len(p.list))
	p.list = append(p.list, producer{id: id, epoch: kafka.NoProducerEpoch, timestamp: -1, txnFirst: -1, coordinator: -1})
	return &p.list[len(p.list)-1]
}

// push makes s the last batch of e and moves the one before into the window.
func (p *producers) push(e *producer, s seqBatch) {
	if e.batches > 0 {
		if e.window == 0 {
			e.window = p.takeWindow()
		}
		w := &p.windows[e.window-1]
		w.ring[w.next] = e.batch
		w.next = (w.next + 1) % uint8(len(w.ring))
	}
	e.batch = s
	e.batches = min(e.batches+1, windowBatches)
}

func (p *producers) takeWindow() int32 {
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		return i
	}
	p.windows = append(p.windows, window{})
	return int32(len(p.windows))
}

// remove forgets the producer at place i of the list; the last one takes its place.
func (p *producers) remove(i int32) {
	e := &p.list[i]
	if e.window != 0 {
		p.free = append(p.free, e.window)
	}
	delete(p.index, e.id)
	n := int32(len(p.list) - 1)
	if i != n {
		p.list[i] = p.list[n]
		p.index[p.list[i].id] = i
	}
	p.list = p.list[:n]
}

// expired says whether a producer has been idle for too long; never while its transaction is open
// (SURFACE 51). Time is that of its records.
func (e *producer) expired(nowMs, afterMs int64) bool {
	return e.txnFirst < 0 && nowMs-e.timestamp >= afterMs
}

// expire forgets the producers that have been idle for afterMs and returns how many.
func (p *producers) expire(nowMs, afterMs int64) (removed int) {
	for i := int32(len(p.list)) - 1; i >= 0; i-- {
		if p.list[i].expired(nowMs, afterMs) {
			p.remove(i)
			removed++
		}
	}
	if len(p.list) == 0 {
		p.reset()
	}
	return removed
}

// bound makes room for one more producer if there are max: an eighth of them goes, those that have
// been idle longest, so that the search is paid for by many appends. Open transactions stay.
func (p *producers) bound(max int) (removed int) {
	if len(p.list) < max {
		return 0
	}
	idle := make([]int32, 0, len(p.list))
	for i := range p.list {
		if p.list[i].txnFirst < 0 {
			idle = append(idle, int32(i))
		}
	}
	slices.SortFunc(idle, func(a, b int32) int {
		x, y := &p.list[a], &p.list[b]
		return cmp.Or(cmp.Compare(x.timestamp, y.timestamp), cmp.Compare(x.id, y.id))
	})
	idle = idle[:min(len(idle), len(p.list)-max+max/8+1)]
	slices.SortFunc(idle, func(a, b int32) int { return cmp.Compare(b, a) }) // the last take the places of those before
	for _, i := range idle {
		p.remove(i)
	}
	return len(idle)
}

func (p *producers) reset() { *p = producers{} }
