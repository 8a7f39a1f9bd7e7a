package clean

import (
	"errors"
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// ErrDamaged is returned, wrapped, for a batch that is not what was stored: the round must end, and
// nothing of its outcome may be used.
var ErrDamaged = errors.New("batch is damaged")

// Options are those of a Cleaner.
type Options struct {
	// MapBytes bounds the memory of the map of keys, 24 bytes each (log.cleaner.dedupe.buffer.size divided by
	// log.cleaner.threads). 0: 128 MiB. A map has the size that its round needs, if that is less.
	MapBytes int64
	// LoadFactor is how full the map may become (log.cleaner.io.buffer.load.factor). 0: 0.9.
	LoadFactor float64
	// Seed is the secret of the keys' hash.
	Seed [16]byte
}

// Round says what one round is to do.
type Round struct {
	// FirstDirty is where the last round ended: keys are looked for from here on (inclusive).
	FirstDirty int64
	// End is the first offset that may not be cleaned: nothing at or above it is passed in.
	End int64
	// NowMs is the clock, in milliseconds since 1970.
	NowMs int64
	// DeleteRetentionMs is how long tombstones and markers stay after the round that found them
	// first (delete.retention.ms).
	DeleteRetentionMs int64
	// Last tells the place of the last data batch of a producer that the log remembers. nil: none
	// are.
	Last func(kafka.ProducerID) (Last, bool)
}

// Last is what must survive of a producer: the batch that ends at Offset, or if it has none in this
// epoch (-1) its marker of that epoch.
type Last struct {
	Offset int64
	Epoch  kafka.ProducerEpoch
}

// Stats count what a round has done.
type Stats struct {
	RecordsIndexed, RecordsRead, RecordsKept int64
	BytesIndexed, BytesRead, BytesKept       int64
	// Keyless are records that were dropped because they have no key.
	Keyless int64
	// BatchesCopied were kept byte for byte, BatchesRewritten lost records or got a horizon, BatchesEmptied lost all
	// but their header.
	BatchesCopied, BatchesRewritten, BatchesEmptied int64
}

// Add adds what another round counted.
func (s *Stats) Add(o *Stats) {
	s.RecordsIndexed, s.RecordsRead, s.RecordsKept = s.RecordsIndexed+o.RecordsIndexed, s.RecordsRead+o.RecordsRead, s.RecordsKept+o.RecordsKept
	s.BytesIndexed, s.BytesRead, s.BytesKept = s.BytesIndexed+o.BytesIndexed, s.BytesRead+o.BytesRead, s.BytesKept+o.BytesKept
	s.Keyless += o.Keyless
	s.BatchesCopied += o.BatchesCopied
	s.BatchesRewritten += o.BatchesRewritten
	s.BatchesEmptied += o.BatchesEmptied
}

// Cleaner runs rounds, one after the other; its buffers are kept between them, the map's until
// Release. See the package comment.
type Cleaner struct {
	opts    Options
	hash    hasher
	keys    offsetMap
	txns    transactions
	round   Round
	covered int64
	stats   Stats

	decode  compress.Decompressor
	plain   []byte
	remains batch.Remains
	found   found
	items   [itemsAtOnce]item
	touched int64 // keeps the reads of touch alive
}

// item is a record of which the map is to be asked.
type item struct {
	hash      hash
	offset    int64
	timestamp int64
	length    int32 // of the record as stored
	keyed     bool
	tombstone bool
}

// itemsAtOnce is how many records are looked at together; see offsetMap.touch.
const itemsAtOnce = 32

// New makes a Cleaner.
func New(o Options) *Cleaner {
	if o.MapBytes <= 0 {
		o.MapBytes = 128 << 20
	}
	if o.LoadFactor <= 0 || o.LoadFactor > 1 {
		o.LoadFactor = 0.9
	}
	return &Cleaner{opts: o, hash: newHasher(o.Seed)}
}

// Begin starts the first pass of a round.
func (c *Cleaner) Begin(r Round) {
	c.round, c.covered, c.stats = r, r.FirstDirty, Stats{}
	c.keys.reset(c.opts.MapBytes, c.opts.LoadFactor, r.End-r.FirstDirty)
	c.txns.reset()
}

// Aborted makes aborted transactions known, in both passes before the first of their batches that is
// passed in. Transactions that are over may be among them, and known ones. The list is copied.
func (c *Cleaner) Aborted(list []Aborted) { c.txns.add(list) }

// Index reads a batch in the first pass, which begins with the one that holds Round.FirstDirty, and
// reports whether the pass may go on: if not, the map is full, and the records from Covered on are left to
// another round. Errors: ErrDamaged.
func (c *Cleaner) Index(b batch.Batch) (more bool, err error) {
	plain, err := c.open(b)
	if err != nil {
		return false, err
	}
	c.stats.BytesIndexed += int64(len(b))
	if b.Control() {
		_, err := c.txns.control(b, plain)
		c.covered = max(c.covered, b.NextOffset())
		return true, damaged(b, err)
	}
	if c.txns.data(b) {
		c.covered = max(c.covered, b.NextOffset())
		return true, nil
	}
	it := batch.IterateRecords(plain, b.NumRecords())
	for {
		items := c.next(b, &it, c.round.FirstDirty)
		if len(items) == 0 {
			break
		}
		for i := range items {
			if x := &items[i]; x.keyed && !c.keys.put(x.hash, x.offset) {
				c.covered = x.offset
				return false, nil
			}
		}
	}
	c.stats.RecordsIndexed += int64(b.NumRecords())
	c.covered = max(c.covered, b.NextOffset())
	return true, damaged(b, it.Err())
}

// next reads some records of a batch, none at its end. The keys of those in [from, …) are hashed
// and their places in the map touched.
func (c *Cleaner) next(b batch.Batch, it *batch.Records, from int64) []item {
	n := 0
	for n < len(c.items) && it.Next() {
		r := it.Record()
		x := &c.items[n]
		n++
		*x = item{offset: b.Offset(r), timestamp: b.Timestamp(r), length: int32(len(it.Raw())), keyed: r.Key != nil, tombstone: r.Value == nil}
		if x.offset < from {
			x.keyed = false
		} else if x.keyed {
			x.hash = c.hash.sum(r.Key)
		}
	}
	c.touched += c.keys.touch(c.items[:n])
	return c.items[:n]
}

// Indexed ends the first pass. whole says that everything below Round.End was passed in, and that the map took it.
func (c *Cleaner) Indexed(whole bool) {
	if whole {
		c.covered = max(c.covered, c.round.End)
	}
	c.txns.reset()
}

// Covered is the first offset that the round does not cover: the next one begins there. Of the records
// below it only the newest of their key survive.
func (c *Cleaner) Covered() int64 { return c.covered }

// Keys is the number of keys in the map, and how many it can take.
func (c *Cleaner) Keys() (n, limit int) { return c.keys.n, c.keys.limit }

// Stats tells what the round has done so far.
func (c *Cleaner) Stats() Stats { return c.stats }

// Release gives back the map's memory, until the next round.
func (c *Cleaner) Release() {
	c.keys.release()
	if cap(c.plain) > maxKeptPlain {
		c.plain = nil
	}
}

// maxKeptPlain is the largest buffer for records in plain form that is kept between rounds.
const maxKeptPlain = 4 << 20

// open checks a batch against its checksum and returns its records in plain form, valid until the next
// call.
func (c *Cleaner) open(b batch.Batch) ([]byte, error) {
	if err := b.CheckStructure(); err != nil {
		return nil, damaged(b, err)
	}
	if b.Codec() == compress.None {
		return b.Payload(), nil
	}
	// What the leader took in must fit, whatever its limit was then.
	plain, err := b.Plain(&c.decode, c.plain[:0], compress.Budget{MaxBytes: max(maxPlain, 20*int64(len(b)))})
	if err != nil {
		return nil, damaged(b, err)
	}
	c.plain = plain
	return plain, nil
}

// maxPlain bounds a batch in plain form; the leader's bound is at most that, or 20 times what came.
const maxPlain = 64 << 20

// damaged names the batch that err is about; nil for nil.
func damaged(b batch.Batch, err error) error {
	if err == nil {
		return nil
	}
	if len(b) < batch.HeaderSize {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%w at offset %d: %w", ErrDamaged, b.BaseOffset(), err)
}
