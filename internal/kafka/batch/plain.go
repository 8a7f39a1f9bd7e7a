package batch

import (
	"fmt"
	"sync"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// Plain appends the batch's records in uncompressed form to dst and returns the longer slice, for
// IterateRecords. Also the records of an uncompressed batch are copied, so that the result never
// aliases the batch; callers who want to spare the copy take Payload if Codec is compress.None.
// On an error dst is returned as it was. Errors, wrapped: those of compress.
func (b Batch) Plain(d *compress.Decompressor, dst []byte, budget compress.Budget) ([]byte, error) {
	if b.Codec() == compress.None {
		return append(dst, b.Payload()...), nil
	}
	if b.NumRecords() == 0 && len(b.Payload()) == 0 {
		return dst, nil // emptied by compaction, which leaves the codec bits
	}
	out, err := d.Decompress(dst, b.Codec(), b.Payload(), budget)
	if err != nil {
		return dst, fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
	}
	return out, nil
}

// maxPooledPlain is the largest decoding buffer kept for reuse. With the default budget for 1 MiB
// messages (20 MiB) only batches that expand unusually far cause an allocation of their own.
const maxPooledPlain = 4 << 20

// decoder is what decoding one batch takes.
type decoder struct {
	d   compress.Decompressor
	buf []byte
}

// decoders lends decoding buffers to validators for one call each, so that an idle connection
// holds none; the collector may empty it at any time.
var decoders = sync.Pool{New: func() any {
	return &decoder{d: compress.Decompressor{RefuseLinkedLZ4: true}}
}}

// release gives d back to the pool. Nothing decoded with it may be used afterwards.
func (d *decoder) release() {
	if cap(d.buf) > maxPooledPlain {
		d.buf = nil
	}
	decoders.Put(d)
}
