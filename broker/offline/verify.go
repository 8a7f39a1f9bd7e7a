package offline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Problem is something that is wrong with a log.
type Problem struct {
	File     string
	Position int64 // in the file; -1 where the file as a whole is meant
	Text     string
	// Harmless: a broker puts it right by itself when it starts, without losing what it has acknowledged.
	Harmless bool
}

// Report is what Verify has seen of a log.
type Report struct {
	Dir                     string
	Segments                int
	Batches, Records, Bytes int64
	FirstOffset, EndOffset  int64 // EndOffset is exclusive
	Problems                []Problem

	// The segment that is being read.
	path    string
	last    bool          // it is the newest one
	next    int64         // the smallest offset that may come next
	entries []OffsetEntry // of its indexes, that no batch has been seen for
	times   []TimeEntry
	largest TimeEntry // up to here
}

// Damaged reports whether there is a problem that a broker does not put right by itself.
func (r *Report) Damaged() bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool { return !p.Harmless })
}

// Partitions finds the directories of logs at or below a path: itself, or those right below it.
func Partitions(path string) (dirs []string, err error) {
	for _, pattern := range []string{"*" + LogSuffix, filepath.Join("*", "*"+LogSuffix)} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(path), pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			if _, err := BaseOffset(f); err == nil && !slices.Contains(dirs, filepath.Dir(f)) {
				dirs = append(dirs, filepath.Dir(f))
			}
		}
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%s: there are no logs in it", path)
	}
	return dirs, nil
}

// escapeGlob makes a path stand for itself in a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

// Verify reads a partition's directory from the first to the last byte: every batch has a checksum that
// fits, offsets go up, every record can be read, and the indexes say where the batches are. Segments wholly below the log start are
// passed over. It may be the directory of a broker that runs: its newest segment then may end in the middle of a batch. Errors
// are of reading; what is wrong with the log stands in the report.
func Verify(dir string) (*Report, error) {
	names, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+LogSuffix))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	r := &Report{Dir: dir}
	for start := logStart(dir); len(names) > 1; names = names[1:] {
		if next, err := BaseOffset(names[1]); err != nil || next > start {
			break
		}
	}
	for i, path := range names {
		base, err := BaseOffset(path)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.FirstOffset, r.EndOffset = base, base
		}
		r.path, r.last, r.next = path, i == len(names)-1, max(r.next, base)
		if err := r.segment(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// logStart is what the checkpoint of the data directory around a log says, 0 if nothing.
func logStart(dir string) int64 {
	tp, err := kafka.ParseTopicPartition(filepath.Base(dir))
	if err != nil {
		return 0
	}
	_, start, err := storage.ReadPoints(vfs.OS(), filepath.ToSlash(filepath.Dir(dir)), tp)
	if err != nil {
		return 0
	}
	return start
}

func (r *Report) problem(file string, position int64, harmless bool, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{file, position, fmt.Sprintf(format, args...), harmless})
}

func (r *Report) segment() error {
	e, err := Open(r.path)
	if err != nil {
		return err
	}
	defer e.Close()
	r.Segments++
	if err := r.readIndexes(); err != nil {
		return err
	}
	for e.Next() {
		r.batch(e.Batch(), e.Position())
	}
	switch {
	case e.Err() != nil && errors.As(e.Err(), new(*fs.PathError)):
		return e.Err()
	case e.Err() != nil:
		r.problem(r.path, e.next, false, "what stands there is no batch: %s", e.Err())
	case e.Trailing() > 0 && r.last:
		r.problem(r.path, e.next, true, "%d bytes of a batch that was not written to its end; a broker cuts them off", e.Trailing())
	case e.Trailing() > 0:
		r.problem(r.path, e.next, false, "%d bytes of a batch that is cut off, and later segments follow", e.Trailing())
	}
	r.finishIndexes()
	return nil
}

// batch checks one batch and the entries of the indexes that mean it.
func (r *Report) batch(b batch.Batch, position int64) {
	r.Batches++
	r.Bytes += int64(len(b))
	if err := b.CheckStructure(); err != nil {
		r.problem(r.path, position, false, "batch at offset %d: %s", b.BaseOffset(), err)
		return
	}
	if b.BaseOffset() < r.next {
		r.problem(r.path, position, false, "offset %d comes after offset %d", b.BaseOffset(), r.next-1)
	}
	r.next = max(r.next, b.NextOffset())
	r.EndOffset = r.next
	records := int64(0)
	err := Records(b, func(batch.Record) bool {
		records++
		return true
	})
	r.Records += records
	if err != nil {
		r.problem(r.path, position, false, "batch at offset %d: %s", b.BaseOffset(), err)
	}
	r.indexed(b, position)
}

// readIndexes reads the indexes of the segment. They are caches: an open segment's may be absent or
// filled up with zeroes, and a wrong one is built anew.
func (r *Report) readIndexes() error {
	r.entries, r.times, r.largest = nil, nil, TimeEntry{-1, -1}
	if path := Sibling(r.path, IndexSuffix); exists(path) {
		x, err := ReadOffsetIndex(path)
		if err != nil {
			return err
		}
		r.entries = x.Used()
		if len(r.entries) > 0 && r.entries[0] == (OffsetEntry{x.Base, 0}) && len(x.Entries) > 1 {
			r.entries = nil // only zeroes
		}
	}
	if path := Sibling(r.path, TimeIndexSuffix); exists(path) {
		x, err := ReadTimeIndex(path)
		if err != nil {
			return err
		}
		r.times = x.Used()
		if len(r.times) > 0 && r.times[0].Timestamp <= 0 {
			r.times = nil
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (r *Report) indexed(b batch.Batch, position int64) {
	for len(r.entries) > 0 && r.entries[0].Position <= position {
		entry := r.entries[0]
		r.entries = r.entries[1:]
		if entry.Position != position || entry.Offset != b.LastOffset() {
			r.problem(Sibling(r.path, IndexSuffix), -1, true, "the entry of offset %d points at position %d, where that batch is not", entry.Offset, entry.Position)
		}
	}
	if b.MaxTimestamp() > r.largest.Timestamp {
		r.largest = TimeEntry{b.MaxTimestamp(), b.LastOffset()}
	}
	for len(r.times) > 0 && r.times[0].Offset <= b.LastOffset() {
		entry := r.times[0]
		r.times = r.times[1:]
		if entry != r.largest {
			r.problem(Sibling(r.path, TimeIndexSuffix), -1, true, "the entry says that %d at offset %d is the largest timestamp so far; it is %d at offset %d",
				entry.Timestamp, entry.Offset, r.largest.Timestamp, r.largest.Offset)
		}
	}
}

// finishIndexes complains of entries behind the last batch.
func (r *Report) finishIndexes() {
	if len(r.entries) > 0 {
		r.problem(Sibling(r.path, IndexSuffix), -1, true, "%d entries behind the last batch, the first of offset %d", len(r.entries), r.entries[0].Offset)
	}
	if len(r.times) > 0 {
		r.problem(Sibling(r.path, TimeIndexSuffix), -1, true, "%d entries behind the last batch, the first of offset %d", len(r.times), r.times[0].Offset)
	}
}
