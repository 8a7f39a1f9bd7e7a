package storage

import "github.com/thalweg-io/thalweg/internal/vfs"

// preallocate reserves the room of a segment that was just created, if the topic wants that. The file's length stays what is written:
// Kafka's preallocated files are as long as their segment may become, and a crash leaves zeros at their end, which a start cuts off
// (also here). That there is no such room is found out by the append that needs it.
func (s *segment) preallocate(f vfs.File, cfg *Config) {
	if cfg.Preallocate && f.Preallocate(int64(cfg.SegmentBytes)) == nil {
		s.reserved = true
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
	s.reserved = false
	return nil
}
