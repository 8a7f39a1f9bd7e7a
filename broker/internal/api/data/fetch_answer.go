package data

import (
	"github.com/thalweg-io/thalweg/broker/internal/network"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka/wire"
)

// answer is the part of a Fetch answer that follows the first records: ranges of log files, and
// between them the bytes that frame them. It is a network.Body.
type answer struct {
	s      *fetch
	bytes  []byte  // everything between the records, end to end
	pieces []piece // in sending order
	size   int
}

// piece is a range of records followed by a run of answer.bytes.
type piece struct {
	part int // index in fetch.parts
	end  int // end of the run in answer.bytes; it starts where the previous one ended
}

// maxKeptAnswer bounds the framing bytes kept from one answer to the next.
const maxKeptAnswer = 64 << 10

// build appends the answer's beginning to Out and arranges for the rest to follow it.
func (s *fetch) build(sessionID int32) {
	r, a := s.r, &s.answer
	a.s, a.size = s, 0
	a.bytes, a.pieces = a.bytes[:0], a.pieces[:0]
	dst := wire.AppendFetchHead(r.Out, r.Version, 0, 0, sessionID, s.topics())
	for i := s.skip(0); i < len(s.parts); {
		w := &s.wants[i]
		sent, next := s.run(i)
		dst = wire.AppendFetchTopic(dst, r.Version, w.name, w.id, sent)
		for ; i < next; i++ {
			part := &s.parts[i]
			if part.omit {
				continue
			}
			n := part.slice.Len()
			dst = wire.AppendFetchPartition(dst, r.Version, &part.result, n)
			if n > 0 {
				dst = a.cut(r, dst, i, n)
			}
			dst = wire.AppendFetchPartitionEnd(dst, r.Version, &part.result)
		}
		dst = wire.AppendFetchTopicEnd(dst, r.Version)
	}
	dst = wire.AppendFetchEnd(dst, r.Version, s.endpoints)
	if len(a.pieces) == 0 {
		r.Out = dst
		return
	}
	a.finish(dst)
	r.Tail = a
}

// cut ends the run that dst holds, puts the part's records behind it, and returns the run to go on with.
func (a *answer) cut(r *network.Request, dst []byte, part, n int) []byte {
	if len(a.pieces) == 0 {
		r.Out = dst
		dst = a.bytes[:0]
	} else {
		a.pieces[len(a.pieces)-1].end = len(dst)
	}
	a.pieces = append(a.pieces, piece{part: part})
	a.size += n
	return dst
}

func (a *answer) finish(dst []byte) {
	a.bytes = dst
	a.pieces[len(a.pieces)-1].end = len(dst)
	a.size += len(dst)
}

// Len is the number of bytes that WriteTo writes.
func (a *answer) Len() int { return a.size }

// WriteTo sends the records and what frames them.
func (a *answer) WriteTo(w network.Writer) error {
	from := 0
	for i := range a.pieces {
		p := &a.pieces[i]
		src, off, n := a.s.parts[p.part].slice.Region()
		if err := w.SendFile(src, off, n); err != nil {
			return err
		}
		if _, err := w.Write(a.bytes[from:p.end]); err != nil {
			return err
		}
		from = p.end
	}
	return nil
}

// Release unpins the segments. Only then may the slot be used again.
func (a *answer) Release() {
	for i := range a.s.parts {
		part := &a.s.parts[i]
		part.slice.Close()
		part.slice, part.p = storage.Slice{}, nil
	}
	a.s.trim()
}
