package storage

import (
	"fmt"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
)

// vouch checks what a log that was closed in order holds above its recovery point. Its own broker has left nothing there: the files
// were put there by somebody, from another cluster perhaps, and the marker of the clean stop says nothing of them. They must stand every test
// that a recovery would make after the next crash; else records that were served until then would be cut off. What does not is
// damage, as in trust. What does is synced.
func (l *Log) vouch(segs []*segment, point int64) error {
	if plantedNoVouch {
		return nil
	}
	i := find(segs, point)
	o := order{next: segs[i].base, epoch: kafka.NoLeaderEpoch, sparse: l.sparse(l.cfg.Load())}
	for _, s := range segs[i:] {
		if s.base != o.next && !(o.sparse && s.base > o.next) {
			return s.corrupt(0, o.next, fmt.Sprintf("segment %d where %d was expected", s.base, o.next))
		}
		o.next = s.base
		if err := s.vouch(&o); err != nil {
			return err
		}
	}
	return l.disk.fs.SyncDir(l.path)
}

func (s *segment) vouch(o *order) error {
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	size, _ := s.bounds()
	pos, reason, err := verify(f, s, 0, size, o, func(int64, batch.Batch) {})
	if err != nil {
		return err
	}
	if reason != "" {
		return s.corrupt(pos, o.next, reason+", in files that were put there")
	}
	return f.Sync()
}
