package batch

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// Recoder brings batches into another compression: what a broker does whose topic has a compression.type other than
// producer. Its encoder states are large: borrow one for each use (BorrowRecoder). Not for concurrent use.
type Recoder struct {
	out, plain []byte
	decode     compress.Decompressor
	encode     compress.Compressor
}

// recoders lends Recoders, so that a topic that needs none costs nothing; the collector may empty it at any time.
var recoders = sync.Pool{New: func() any { return new(Recoder) }}

// BorrowRecoder returns a Recoder that is the caller's until Return.
func BorrowRecoder() *Recoder { return recoders.Get().(*Recoder) }

// Return gives the Recoder back. Nothing that it made may be used afterwards.
func (r *Recoder) Return() {
	if cap(r.out) > maxPooledPlain {
		r.out = nil
	}
	if cap(r.plain) > maxPooledPlain {
		r.plain = nil
	}
	recoders.Put(r)
}

// Recode returns the batch with its records in another compression, everything else as it was. level is in Kafka's range
// for the codec or compress.DefaultLevel. b is one that a Validator has accepted, and is not changed. The result is the Recoder's and valid until
// its next use. A batch that is in that compression already is returned as it is, whatever its level (as in Kafka).
// Errors, wrapped: those of compress; ErrBuild for a result that is too large.
func (r *Recoder) Recode(b Batch, to compress.Codec, level int, budget compress.Budget) (Batch, error) {
	if b.Codec() == to {
		return b, nil
	}
	plain, err := b.Payload(), error(nil)
	if b.Codec() != compress.None {
		if plain, err = b.Plain(&r.decode, r.plain[:0], budget); err != nil {
			return nil, err
		}
		r.plain = plain
	}
	out := append(r.out[:0], b[:HeaderSize]...)
	if out, err = r.encode.Compress(out, to, level, plain); err != nil {
		return nil, err
	}
	r.out = out
	if len(out) > math.MaxInt32 {
		return nil, fmt.Errorf("%w: more than 2 GiB", ErrBuild)
	}
	binary.BigEndian.PutUint16(out[posAttributes:], b.attributes()&^attrCodec|uint16(to))
	seal(out)
	return Batch(out[:len(out):len(out)]), nil
}
