package offline

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const (
	ringPrefix   = ".thalweg-commitlog-"
	replayPrefix = ".thalweg-replay-"
)

// IsCommitLog reports whether a file is one of a commit log (docs/format/commit-log.md), by its name: of the ring, or one that is
// to be replayed.
func IsCommitLog(path string) bool {
	name := strings.TrimSuffix(filepath.Base(path), CutSuffix)
	return strings.HasPrefix(name, ringPrefix) || ofReplay(name)
}

func ofReplay(name string) bool {
	return strings.HasPrefix(name, replayPrefix) || name == storage.ParkedReplay
}

// CommitLogs finds the files of a commit log at or below a path: itself, those in it, and those that partitions right below it
// have taken along.
func CommitLogs(path string) (files []string, err error) {
	if IsCommitLog(path) {
		return []string{path}, nil
	}
	for _, pattern := range []string{ringPrefix + "*", replayPrefix + "*", storage.ParkedReplay, filepath.Join("*", storage.ParkedReplay)} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(path), pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, slices.DeleteFunc(found, func(f string) bool { return strings.HasSuffix(f, ".tmp") || strings.HasSuffix(f, CutSuffix) })...)
	}
	return files, nil
}

// CommitEntry is an entry of a file of a commit log.
type CommitEntry struct {
	Position    int64
	Kind        string // append, truncation, log start, deletion, reset
	Topic       kafka.TopicID
	Partition   int32
	Epoch       kafka.LeaderEpoch
	Base, Next  int64
	Payload     []byte // the batches of an append
	LastOfWrite bool
}

// CommitLog goes through the entries of one file.
//
//	l, err := offline.OpenCommitLog(path)
//	for l.Next() {
//		l.Entry()
//	}
//	err = l.Err()
type CommitLog struct {
	path   string
	r      *commitlog.Reader // nil: there is no header
	header commitlog.Header
	err    error
}

// OpenCommitLog opens a file. One whose header cannot be read has no entries: Readable. Errors: of the file system, of another
// version.
func OpenCommitLog(path string) (*CommitLog, error) {
	r, err := commitlog.Inspect(vfs.OS(), filepath.ToSlash(path))
	l := &CommitLog{path: path, r: r}
	if r != nil {
		l.header = r.Header()
	}
	return l, err
}

// Close closes the file.
func (l *CommitLog) Close() {
	if l.r != nil {
		l.r.Close()
	}
}

// Readable reports whether the file has a header.
func (l *CommitLog) Readable() bool { return l.r != nil }

// Generation is that of the file, PreviousEnd how much of the one before was used, 0 if it does not say, Directory the id of the data directory,
// zero in a file that a partition has taken along.
func (l *CommitLog) Generation() uint64    { return l.header.Generation }
func (l *CommitLog) PreviousEnd() int64    { return l.header.PreviousEnd }
func (l *CommitLog) Directory() kafka.UUID { return l.header.Directory }

// Next goes to the next entry; false behind the last one.
func (l *CommitLog) Next() bool {
	if l.r == nil || l.err != nil {
		return false
	}
	var ok bool
	ok, l.err = l.r.Next()
	return ok
}

// Entry is the present entry. Its payload is valid until the next call of Next.
func (l *CommitLog) Entry() CommitEntry {
	e := l.r.Entry()
	kind := map[commitlog.Kind]string{commitlog.Append: "append", commitlog.Truncate: "truncation", commitlog.Start: "log start",
		commitlog.Delete: "deletion", commitlog.Reset: "reset"}[e.Kind]
	return CommitEntry{l.r.Position(), kind, e.Log.Topic, e.Log.Partition, e.Epoch, e.Base, e.Next, l.r.Payload(), l.r.Last()}
}

// End is where the entries end, once Next has said so.
func (l *CommitLog) End() int64 { return l.r.End() }

// Err is why reading has ended before the last entry, or nil.
func (l *CommitLog) Err() error { return l.err }

// whole reports, behind the last entry, whether nothing of a file that is to be replayed could not be read.
func (l *CommitLog) whole() bool { return l.r.Complete() }

// VerifyCommitLog reads a file of a commit log: every entry that can be read holds whole batches with the offsets that it tells. A
// file that is to be replayed must be readable to its end; one of the ring ends where it was written to, which only the next one knows: used is
// what that says, 0 if there is none. The report counts the batches of all entries together. Errors are of reading.
func VerifyCommitLog(path string, used int64) (*Report, error) {
	r := &Report{Dir: path}
	l, err := OpenCommitLog(path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	replay := ofReplay(strings.TrimSuffix(filepath.Base(path), CutSuffix))
	if !l.Readable() {
		text := "the header cannot be read; a crash while the file was made leaves it so, and nothing in it is needed"
		if replay {
			text = "the header cannot be read"
		}
		r.problem(path, 0, !replay, "%s", text)
		return r, nil
	}
	for l.Next() {
		r.entry(path, l.Entry())
	}
	switch {
	case l.Err() != nil:
		return nil, l.Err()
	case replay && !l.whole():
		r.problem(path, l.End(), false, "what stands there is no entry, and the file goes on")
	case used > l.End():
		r.problem(path, l.End(), false, "what stands there is no entry, and the file was written to up to %d", used)
	}
	return r, nil
}

// entry checks one entry.
func (r *Report) entry(path string, e CommitEntry) {
	next := e.Base
	for rest := e.Payload; len(rest) > 0; {
		b, after, err := batch.Next(rest)
		if err == nil {
			err = b.CheckStructure()
		}
		if err != nil {
			r.problem(path, e.Position, false, "entry with offsets %d to %d: %s", e.Base, e.Next-1, err)
			return
		}
		r.Batches++
		r.Bytes += int64(len(b))
		r.Records += int64(b.NumRecords())
		next, rest = b.NextOffset(), after
	}
	if next != e.Next {
		r.problem(path, e.Position, false, "entry with offsets %d to %d holds batches up to %d", e.Base, e.Next-1, next-1)
	}
}

// VerifyCommitLogs is VerifyCommitLog for files that CommitLogs has found, which know of each other.
func VerifyCommitLogs(paths []string) ([]*Report, error) {
	used := map[uint64]int64{} // by generation
	generations := make([]uint64, len(paths))
	oldest := ^uint64(0)
	for i, path := range paths {
		if ofReplay(strings.TrimSuffix(filepath.Base(path), CutSuffix)) {
			continue
		}
		l, err := OpenCommitLog(path)
		if err != nil {
			return nil, err
		}
		if l.Readable() {
			generations[i] = l.Generation()
			oldest = min(oldest, l.Generation())
			used[l.Generation()-1] = l.PreviousEnd()
		}
		l.Close()
	}
	var reports []*Report
	for i, path := range paths {
		n := used[generations[i]]
		if generations[i] == oldest || generations[i] == 0 { // the oldest may be about to be used again
			n = 0
		}
		r, err := VerifyCommitLog(path, n)
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}
