package replica

import (
	"slices"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
)

// LogDir is a data directory as DescribeLogDirs tells of it.
type LogDir struct {
	Path   string
	Err    error // not nil: offline; nothing else is known
	Total  int64 // bytes of the volume; -1 if not known
	Usable int64
	Logs   []*storage.Log // in order of topic and partition
	// Futures are copies of logs that are moving here.
	Futures []Future
}

// LogDirs describes the data directories with what is in them now. It asks the file system.
func (m *Manager) LogDirs() []LogDir {
	out := make([]LogDir, len(m.dirs))
	for i, d := range m.dirs {
		out[i] = LogDir{Path: d.Path(), Err: d.Err(), Total: -1, Usable: -1}
		if out[i].Err != nil {
			continue
		}
		out[i].Logs = slices.DeleteFunc(d.Logs(), func(l *storage.Log) bool { return m.ByID(l.ID().ID) == nil }) // deleted
		m.mu.Lock()
		out[i].Futures = m.futuresLocked(d)
		m.mu.Unlock()
		if m.fs == nil {
			continue
		}
		if u, err := m.fs.Usage(d.Path()); err == nil {
			out[i].Total, out[i].Usable = u.Total, u.Free
		}
	}
	for _, d := range m.lost {
		out = append(out, LogDir{Path: d.Path, Err: d.Err, Total: -1, Usable: -1})
	}
	return out
}
