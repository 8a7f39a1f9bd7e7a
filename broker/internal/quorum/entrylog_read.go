package quorum

import (
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// scanBytes is what one step of a scan reads, if one batch is not larger.
const scanBytes = 1 << 20

// read loads entries [lo, hi) from the log, at most maxSize encoded bytes but at least one.
func (l *entryLog) read(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	var es []*pb.Entry
	size, next := uint64(0), lo
	err := l.scan(l.offset(lo), l.offset(hi), int32(max(1, min(maxSize, scanBytes))), func(b batch.Batch) (bool, error) {
		e, err := l.entryOf(next, b)
		if err != nil {
			return false, err
		}
		size += uint64(proto.Size(e))
		if size > maxSize && len(es) > 0 {
			return false, nil
		}
		es = append(es, e)
		next++
		return next < hi && size < maxSize, nil
	})
	if err == nil && len(es) == 0 {
		err = fmt.Errorf("%w: entry %d is not in the log", ErrCorrupt, lo)
	}
	return es, err
}

// entryOf turns the batch of entry i back into the entry. The data aliases b.
func (l *entryLog) entryOf(i uint64, b batch.Batch) (*pb.Entry, error) {
	if b.BaseOffset() != l.offset(i) {
		return nil, fmt.Errorf("%w: entry %d has offset %d instead of %d", ErrCorrupt, i, b.BaseOffset(), l.offset(i))
	}
	typ, data, err := parseEntry(b)
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d: %w", ErrCorrupt, i, err)
	}
	return &pb.Entry{Type: typ.Enum(), Term: new(uint64(b.LeaderEpoch())), Index: new(i), Data: data}, nil
}

// batchAt reads the batch of entry i.
func (l *entryLog) batchAt(i uint64) (batch.Batch, error) {
	var out batch.Batch
	err := l.scan(l.offset(i), l.offset(i+1), 1, func(b batch.Batch) (bool, error) {
		out = b
		return false, nil
	})
	if err == nil && out == nil {
		err = fmt.Errorf("%w: entry %d is not in the log", ErrCorrupt, i)
	}
	if err != nil {
		return nil, l.fail(err)
	}
	return out, nil
}

// scan calls visit with the batches of offsets [from, bound), reading about chunk bytes at a
// time, until it returns false. The batches own their memory.
func (l *entryLog) scan(from, bound int64, chunk int32, visit func(batch.Batch) (bool, error)) error {
	for from < bound {
		buf, err := l.readChunk(from, bound, chunk)
		if err != nil {
			return err
		}
		if len(buf) == 0 {
			return fmt.Errorf("%w: the log holds nothing at offset %d below %d", ErrCorrupt, from, bound)
		}
		for len(buf) > 0 {
			var b batch.Batch
			if b, buf, err = batch.Next(buf); err != nil {
				return fmt.Errorf("%w: offset %d: %w", ErrCorrupt, from, err)
			}
			if from = b.NextOffset(); from > bound {
				return nil
			}
			if more, err := visit(b); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

func (l *entryLog) readChunk(from, bound int64, chunk int32) ([]byte, error) {
	s, err := l.log.Read(from, chunk, bound, true)
	if err != nil {
		return nil, fmt.Errorf("read the metadata log at offset %d: %w", from, err)
	}
	defer s.Close()
	buf, err := s.AppendTo(make([]byte, 0, s.Len()))
	if err != nil {
		return nil, fmt.Errorf("read the metadata log at offset %d: %w", from, err)
	}
	return buf, nil
}

// rebuild fills the table from the batches above the floor and checks what can be checked: every
// batch is an entry, offsets have no gaps, terms do not fall, checksums match.
func (l *entryLog) rebuild() error {
	f := l.floor()
	next, term := f.offset, f.term
	if start := l.log.LogStartOffset(); start > next || l.log.LogEndOffset() < next {
		return fmt.Errorf("%w: the log holds offsets %d to %d, the floor is at %d", ErrCorrupt, start, l.log.LogEndOffset(), next)
	}
	return l.scan(next, l.log.LogEndOffset(), scanBytes, func(b batch.Batch) (bool, error) {
		typ, _, err := parseEntry(b)
		if err == nil {
			err = b.CheckStructure()
		}
		if err != nil {
			return false, fmt.Errorf("%w: offset %d: %w", ErrCorrupt, b.BaseOffset(), err)
		}
		if t := uint64(b.LeaderEpoch()); b.BaseOffset() != next || b.LeaderEpoch() < 1 || t < term {
			return false, fmt.Errorf("%w: batch of offset %d and epoch %d follows offset %d and epoch %d",
				ErrCorrupt, b.BaseOffset(), b.LeaderEpoch(), next-1, term)
		}
		term, next = uint64(b.LeaderEpoch()), b.NextOffset()
		l.note(l.last()+1, term, b.BaseOffset(), typ != pb.EntryNormal)
		return true, nil
	})
}
