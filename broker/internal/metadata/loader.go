package metadata

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
)

// ErrTransaction is returned when a transaction begins inside another, or ends without a beginning.
var ErrTransaction = errors.New("metadata transaction records out of order")

// Publisher is told about every new image, one after the other, on the loader's goroutine. It must
// not block and must not change what it is given. The image is already Loader.Current.
type Publisher interface {
	Publish(delta *Delta, image *Image)
}

// PublisherFunc is a function as a Publisher.
type PublisherFunc func(delta *Delta, image *Image)

// Publish calls f.
func (f PublisherFunc) Publish(delta *Delta, image *Image) { f(delta, image) }

// Loader replays the committed metadata log and publishes images. It has no goroutine: Apply,
// PublishNow and Subscribe belong to the quorum loop; Current may be called by anybody.
type Loader struct {
	builder    *Builder
	txn        *Builder // takes records while a transaction is open, else nil
	publishers []Publisher
	current    atomic.Pointer[Image]
	failed     error
}

// NewLoader returns a loader whose Current is the empty image.
func NewLoader(o ImageOptions) *Loader {
	image := NewImage(o)
	l := &Loader{builder: NewBuilder(image)}
	l.current.Store(image)
	return l
}

// Current returns the last published image. It is never nil. Safe for concurrent use.
func (l *Loader) Current() *Image { return l.current.Load() }

// Subscribe adds a publisher. What it is told first is the difference to the image that is current
// at the next PublishNow; subscribe before the first Apply to see everything.
func (l *Loader) Subscribe(p Publisher) { l.publishers = append(l.publishers, p) }

// Apply replays one committed batch, whose first record has the given offset; term is the epoch it
// was written in. A nil or control batch only moves the offset. Nothing is visible before
// PublishNow, and nothing of a transaction before its end (KIP-868). The batch is not kept.
// Errors: ErrReplay, ErrTransaction, schema.ErrCorrupt, batch errors; after any of them the loader
// refuses further work, since half a batch may have been replayed: the node cannot go on.
func (l *Loader) Apply(offset int64, term int32, b batch.Batch) error {
	if l.failed == nil {
		if err := l.apply(offset, term, b); err != nil {
			l.failed = fmt.Errorf("metadata log at %d: %w", offset, err)
		}
	}
	return l.failed
}

func (l *Loader) apply(offset int64, term int32, b batch.Batch) error {
	last := offset
	if b != nil {
		last += int64(b.LastOffsetDelta())
	}
	if b != nil && !b.Control() {
		if b.Codec() != 0 {
			return fmt.Errorf("%w: compressed", schema.ErrCorrupt) // Kafka never does
		}
		it := batch.IterateRecords(b.Payload(), b.NumRecords())
		for it.Next() {
			r, _, err := schema.Decode(it.Record().Value)
			if err == nil {
				err = l.replay(r)
			}
			if err != nil {
				return err
			}
		}
		if err := it.Err(); err != nil {
			return err
		}
	}
	if l.txn != nil {
		l.txn.Seen(last, term)
		return nil
	}
	l.builder.Seen(last, term)
	return l.builder.complete()
}

func (l *Loader) replay(r schema.Record) error {
	switch r.(type) {
	case *schema.BeginTransactionRecord:
		if l.txn != nil {
			return fmt.Errorf("%w: begin inside a transaction", ErrTransaction)
		}
		l.txn = l.builder.fork()
		return nil
	case *schema.EndTransactionRecord, *schema.AbortTransactionRecord:
		if l.txn == nil {
			return fmt.Errorf("%w: end without a beginning", ErrTransaction)
		}
		if r.Key() == schema.KeyEndTransaction {
			l.builder = l.txn
		}
		l.txn = nil
		return nil
	}
	if l.txn != nil {
		return l.txn.Apply(r)
	}
	return l.builder.Apply(r)
}

// PublishNow makes everything applied so far visible: Current becomes the new image, and each
// publisher is told, in order of subscription. It returns the difference, or nil if nothing was
// applied since the last time, not even an offset.
func (l *Loader) PublishNow() *Delta {
	if l.builder.next.offset == l.Current().offset {
		return nil
	}
	image, delta := l.builder.Freeze()
	l.current.Store(image)
	for _, p := range l.publishers {
		p.Publish(delta, image)
	}
	return delta
}
