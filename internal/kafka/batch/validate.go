package batch

import (
	"errors"
	"fmt"
	"math"

	"github.com/thalweg-io/thalweg/internal/kafka/compress"
)

// Rules are those of one produce to one partition, from topic configuration and API version.
type Rules struct {
	MaxBytes  int32 // max.message.bytes: the largest batch, header included
	Compacted bool  // cleanup.policy has compact: records need keys (SURFACE 37)
	// A record's timestamp may lie BeforeMaxMs in the past and AfterMaxMs in the future
	// (message.timestamp.{before,after}.max.ms); math.MaxInt64 = no bound. A timestamp of -1 is
	// always allowed (SURFACE 38).
	BeforeMaxMs, AfterMaxMs int64
	LogAppendTime           bool  // message.timestamp.type: the batch is stamped with NowMs instead
	NowMs                   int64 // milliseconds since 1970
	AllowZstd               bool  // Produce v7 and later
	Budget                  compress.Budget
}

// Validator checks batches that come from clients. The zero value is ready for use and holds no
// memory between calls. Not for concurrent use.
type Validator struct{}

// Client checks that records, the record field of one partition in a produce request, is exactly
// one batch that may be appended, and returns a view of it (SURFACE 33-41). It follows the order of
// Kafka's checks, so that a batch wrong in several ways is refused for Kafka's reason. r is only
// read.
//
// An accepted batch is brought into the form in which it is stored, as Kafka does in place: with
// Rules.LogAppendTime the batch gets NowMs as its time; otherwise a largest timestamp in the header
// that is not the records' is corrected (a client's claim is never believed, time indexes rest on
// it). In both cases the checksum is renewed. Base offset and leader epoch are left to the log. A
// refused batch is not touched.
//
// Stricter than Kafka: bytes after the batch, relative offsets that are not 0, 1, 2, … (Kafka
// rebuilds a compressed batch and does not look at an uncompressed one), a LogAppendTime or
// delete-horizon flag, linked lz4 blocks, integers and lengths that Java wraps around silently.
//
// The error, if any, is an *Invalid. Success allocates nothing, apart from growing pooled decoding
// buffers.
func (v *Validator) Client(records []byte, r *Rules) (Batch, error) {
	b, bad := oneBatch(records, r)
	if bad == nil {
		bad = clientHeader(b, r)
	}
	if bad != nil {
		return nil, bad
	}
	w := walker{base: b.BaseTimestamp(), needKey: r.Compacted, maxTimestamp: noTimestamp}
	w.window(r)
	if bad := walkBatch(b, r, &w); bad != nil {
		return nil, bad
	}
	if r.LogAppendTime {
		b.SetLogAppendTime(r.NowMs)
	} else {
		b.SetMaxTimestamp(w.maxTimestamp)
	}
	return b, nil
}

// oneBatch checks what can be said of the bytes as a whole, up to the checksum.
// Sources: ProduceRequest.validateRecords, then UnifiedLog.analyzeAndValidateRecords.
func oneBatch(records []byte, r *Rules) (Batch, *Invalid) {
	b, rest, err := Next(records)
	switch {
	case errors.Is(err, ErrMagic) && int8(records[posMagic]) >= 0 && records[posMagic] < Magic:
		return nil, invalidf(ReasonMagic, "only record batches of magic 2 are accepted, not %d", records[posMagic])
	case errors.Is(err, ErrShort):
		return nil, invalidf(ReasonInvalidRecord, "there is no whole record batch in %d bytes", len(records))
	case err != nil:
		return nil, invalidf(ReasonCorrupt, "%v", err)
	case b.Codec() == compress.Zstd && !r.AllowZstd:
		return nil, invalidf(ReasonCompression, "zstd needs version 7 of the produce request")
	case len(rest) > 0:
		return nil, invalidf(ReasonInvalidRecord, "%d bytes follow the one batch that is allowed per partition", len(rest))
	case b.BaseOffset() != 0:
		return nil, invalidf(ReasonInvalidRecord, "base offset is %d, not 0", b.BaseOffset())
	case len(b) > int(r.MaxBytes):
		return nil, invalidf(ReasonTooLarge, "the batch has %d bytes, the topic allows %d", len(b), r.MaxBytes)
	case !plantedNoCRC && !b.VerifyCRC():
		return nil, invalidf(ReasonCorrupt, "%v", ErrCRC)
	}
	return b, nil
}

// clientHeader checks the header fields. Source: LogValidator.validateBatch.
func clientHeader(b Batch, r *Rules) *Invalid {
	count, last := b.NumRecords(), b.LastOffsetDelta()
	switch {
	case !b.Codec().Known():
		return invalidf(ReasonCompression, "compression id %d is unknown", int8(b.Codec()))
	case last < 0:
		return invalidf(ReasonInvalidRecord, "last offset delta is %d", last)
	case count <= 0:
		return invalidf(ReasonInvalidRecord, "the batch says that it has %d records", count)
	case int64(last)+1 != int64(count):
		return invalidf(ReasonInvalidRecord, "the batch says that it has %d records and %d offsets", count, int64(last)+1)
	case b.Control():
		return invalidf(ReasonInvalidRecord, "clients may not write control records")
	case b.HasDeleteHorizon():
		return invalidf(ReasonInvalidRecord, "clients may not set a delete horizon")
	case b.ProducerID() >= 0 && b.BaseSequence() < 0:
		return invalidf(ReasonInvalidRecord, "producer %d sent sequence number %d", b.ProducerID(), b.BaseSequence())
	case b.LogAppendTime():
		return invalidf(ReasonTimestamp, "clients may not set the timestamp type to LogAppendTime")
	}
	return nil
}

// walkBatch decodes the records if need be and walks them.
func walkBatch(b Batch, r *Rules, w *walker) *Invalid {
	if b.Codec() == compress.None {
		return w.walk(b.Payload(), b.NumRecords())
	}
	d := decoders.Get().(*decoder)
	plain, err := b.Plain(&d.d, d.buf[:0], r.Budget)
	var bad *Invalid
	switch {
	case errors.Is(err, compress.ErrBudget):
		bad = invalidf(ReasonTooLarge, "%v", err)
	case errors.Is(err, compress.ErrUnsupported):
		bad = invalidf(ReasonCompression, "%v", err)
	case err != nil:
		bad = invalidf(ReasonInvalidRecord, "%v", err)
	default:
		bad = w.walk(plain, b.NumRecords())
		d.buf = plain
	}
	d.release()
	return bad
}

// window turns the timestamp rules into the smallest and the largest timestamp allowed, without
// overflow.
func (w *walker) window(r *Rules) {
	w.oldest, w.newest = math.MinInt64, math.MaxInt64
	if r.LogAppendTime {
		return
	}
	if r.BeforeMaxMs != math.MaxInt64 && r.NowMs >= math.MinInt64+r.BeforeMaxMs {
		w.oldest = r.NowMs - r.BeforeMaxMs
	}
	if r.AfterMaxMs != math.MaxInt64 && r.NowMs <= math.MaxInt64-r.AfterMaxMs {
		w.newest = r.NowMs + r.AfterMaxMs
	}
}

// timestampMessage is the message of a record outside the window.
func (w *walker) timestampMessage(ts int64) string {
	return fmt.Sprintf("timestamp %d is not between %d and %d", ts, w.oldest, w.newest)
}
