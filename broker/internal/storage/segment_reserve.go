package storage

import (
	"math"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

const (
	// aheadFrom is the length from which on a segment's room is reserved ahead of its end: small ones, of which there may be many
	// thousands, take no more room than they need.
	aheadFrom = 1 << 20
	// aheadPart is which part of its length is reserved ahead at most, aheadBytes how many bytes at most.
	aheadPart  = 4
	aheadBytes = 4 << 20
)

// preallocate reserves the room of a segment that was just created, if the topic wants that. The file's length stays what is written:
// Kafka's preallocated files are as long as their segment may become, and a crash leaves zeros at their end, which a start cuts off
// (also here). That there is no such room is found out by the append that needs it.
func (s *segment) preallocate(f vfs.File, cfg *Config) {
	if cfg.Preallocate && f.Preallocate(0, int64(cfg.SegmentBytes)) == nil {
		s.reserved, s.room = true, int64(cfg.SegmentBytes)
	}
}

// reserveAhead sees to it that the blocks are there into which the segment will grow, beginning with an append that ends at
// position end. A write into blocks that are there costs the system a quarter less than one that has to find each of its own, and
// what is written from many partitions at the same time lies side by side. It is a hint: without room on the disk, or where the
// file system cannot do it, appends go on as they would. Sealing the segment, closing the log and recovering it give back what was
// not needed. Called with Log.mu held, before the write.
func (l *Log) reserveAhead(s *segment, f vfs.File, cfg *Config, end int64) {
	if end <= s.room || end < aheadFrom || l.disk.space.full.Load() {
		return
	}
	to := min(end+min(end/aheadPart, aheadBytes), max(int64(cfg.SegmentBytes), end))
	from := max(s.room, end-aheadBytes) // what lies before has its blocks
	s.reserved, s.room = true, to       // of a call that fails a part may have been done
	if f.Preallocate(from, to-from) != nil {
		s.room = math.MaxInt64 // never again in this segment
	}
}

// trimActive is trim for a log that takes no more appends. Called with syncMu held.
func (l *Log) trimActive() error {
	s := l.active()
	if !s.reserved {
		return nil
	}
	f, err := s.log.acquire()
	if err != nil {
		return err
	}
	defer s.log.release()
	if err := s.trim(f); err != nil {
		return l.disk.fail(err)
	}
	return nil
}

// trim gives back what a sealed segment does not need of its room.
func (s *segment) trim(f vfs.File) error {
	size, _ := s.bounds()
	if err := f.Truncate(size); err != nil {
		return err
	}
	s.reserved, s.room = false, 0
	return nil
}
