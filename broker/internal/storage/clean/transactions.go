package clean

import (
	"cmp"
	"slices"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// Aborted is an aborted transaction: its producer, the offset of its first record and that of its marker.
type Aborted struct {
	ProducerID              kafka.ProducerID
	FirstOffset, LastOffset int64
}

// transactions is a fold over the batches of a log, oldest first: it knows of each data batch
// whether it was aborted, and of each marker whether anything of its transaction was met (SURFACE 91, T-17).
type transactions struct {
	pending   []Aborted                        // not begun yet, in order of first offsets
	aborted   map[kafka.ProducerID]openAborted // begun, marker not met
	committed map[kafka.ProducerID]struct{}    // data of a transaction that is not aborted was met, marker not
}

type openAborted struct {
	last int64 // offset of the marker
	met  bool  // a batch of it was met
}

func (t *transactions) reset() {
	t.pending = t.pending[:0]
	if t.aborted == nil {
		t.aborted, t.committed = map[kafka.ProducerID]openAborted{}, map[kafka.ProducerID]struct{}{}
	}
	clear(t.aborted)
	clear(t.committed)
}

// add makes aborted transactions known, before their batches come. One that is known already may
// come again.
func (t *transactions) add(list []Aborted) {
	if len(list) == 0 {
		return
	}
	for _, a := range list {
		if open, ok := t.aborted[a.ProducerID]; !ok || open.last != a.LastOffset {
			t.pending = append(t.pending, a)
		}
	}
	slices.SortFunc(t.pending, func(a, b Aborted) int {
		return cmp.Or(cmp.Compare(a.FirstOffset, b.FirstOffset), cmp.Compare(a.ProducerID, b.ProducerID))
	})
	t.pending = slices.Compact(t.pending)
}

// begin opens the aborted transactions that begin at or below offset.
func (t *transactions) begin(offset int64) {
	n := 0
	for n < len(t.pending) && t.pending[n].FirstOffset <= offset {
		a := t.pending[n]
		if open, ok := t.aborted[a.ProducerID]; !ok || open.last < a.FirstOffset {
			t.aborted[a.ProducerID] = openAborted{last: a.LastOffset}
		}
		n++
	}
	t.pending = slices.Delete(t.pending, 0, n)
}

// data takes a data batch and reports whether it was aborted.
func (t *transactions) data(b batch.Batch) bool {
	if !b.Transactional() {
		return false
	}
	t.begin(b.LastOffset())
	id := b.ProducerID()
	if open, ok := t.aborted[id]; ok && b.BaseOffset() < open.last {
		open.met = true
		t.aborted[id] = open
		return true
	}
	t.committed[id] = struct{}{}
	return false
}

// control takes a control batch and reports whether nothing of its transaction was met, so that it
// is not needed any more. Control records of other kinds always are; a batch without records was cleaned before.
func (t *transactions) control(b batch.Batch, plain []byte) (idle bool, err error) {
	t.begin(b.LastOffset())
	it := batch.IterateRecords(plain, b.NumRecords())
	if !it.Next() {
		return it.Err() == nil, it.Err()
	}
	kind, err := it.Record().ControlType()
	if err != nil {
		return false, err
	}
	id := b.ProducerID()
	switch kind {
	case batch.ControlAbort:
		met := t.aborted[id].met
		delete(t.aborted, id)
		return !met, nil
	case batch.ControlCommit:
		_, met := t.committed[id]
		delete(t.committed, id)
		return !met, nil
	}
	return false, nil
}
