package commitlog

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const (
	filePrefix   = ".thalweg-commitlog-"
	replayPrefix = ".thalweg-replay-"
	tempSuffix   = ".tmp"
	// maxWindow is what a reader holds of a file, unless an entry is larger.
	maxWindow = 1 << 20
)

// ReplayName is the name, in the data directory, of the file with what is to be replayed into a log.
func ReplayName(l Log) string {
	return fmt.Sprintf("%s%x-%d", replayPrefix, l.Topic[:], l.Partition)
}

// parseReplayName reads what ReplayName wrote.
func parseReplayName(name string) (l Log, ok bool) {
	rest, ok := strings.CutPrefix(name, replayPrefix)
	if !ok || len(rest) < 34 || rest[32] != '-' {
		return l, false
	}
	id, err := hex.DecodeString(rest[:32])
	if err != nil {
		return l, false
	}
	n, err := strconv.ParseInt(rest[33:], 10, 32)
	copy(l.Topic[:], id)
	l.Partition = int32(n)
	return l, err == nil && n >= 0 && ReplayName(l) == name
}

// Found is what a data directory has of a commit log.
type Found struct {
	// Files are those of the ring, in the order of their generations, without those that cannot be read.
	Files []*Reader
	// Last is the highest generation.
	Last uint64
	// Replays are the logs that have a replay file.
	Replays []Log
}

// Find opens what a data directory has of a commit log, names being what is in it. Close closes
// it. Errors: ErrVersion, of the file system.
func Find(v vfs.FS, dir string, names []string, directory kafka.UUID) (*Found, error) {
	found := &Found{}
	for _, name := range names {
		if l, ok := parseReplayName(name); ok {
			found.Replays = append(found.Replays, l)
		}
		if !strings.HasPrefix(name, filePrefix) {
			continue
		}
		r, err := Open(v, dir+"/"+name, directory)
		if err != nil {
			found.Close()
			return nil, err
		}
		if r != nil {
			found.Files = append(found.Files, r)
			found.Last = max(found.Last, r.header.generation)
		}
	}
	slices.SortFunc(found.Files, func(a, b *Reader) int { return cmp.Compare(a.header.generation, b.header.generation) })
	for i, r := range found.Files[min(1, len(found.Files)):] {
		if before := found.Files[i]; before.header.generation+1 == r.header.generation && r.header.previousEnd > 0 {
			// The lowest one may be about to be recycled: its blocks may be new ones already.
			before.limit, before.whole = r.header.previousEnd, i > 0
		}
	}
	return found, nil
}

// Close closes the files.
func (f *Found) Close() {
	for _, r := range f.Files {
		r.Close()
	}
}

// Remove removes the ring's files, from the oldest on, each durably: what is left if it is interrupted is the ring's end, in which
// everything is that makes void what is left before it.
func (f *Found) Remove(v vfs.FS, dir string) error {
	if plantedNewestFirst {
		slices.Reverse(f.Files)
	}
	for _, r := range f.Files {
		if err := v.Remove(r.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := v.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes, of the names in a data directory, the files of the ring and leftovers, and with replays the replay
// files, too, and says whether there were any. The caller syncs the directory.
func Remove(v vfs.FS, dir string, names []string, replays bool) (any bool, err error) {
	for _, name := range names {
		if _, ok := parseReplayName(name); ok && !replays || !ours(name) {
			continue
		}
		any = true
		if err := v.Remove(dir + "/" + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return any, err
		}
	}
	return any, nil
}

func ours(name string) bool {
	return strings.HasPrefix(name, filePrefix) || strings.HasPrefix(name, replayPrefix)
}

// File is a file of entries that is written once, under another name until it is complete.
type File struct {
	fs   vfs.FS
	name string
	f    vfs.File
	pos  int64
	err  error
	buf  []byte
}

// Create begins a file of entries, generation 1.
func Create(v vfs.FS, name string, directory kafka.UUID) (*File, error) {
	f, err := v.Create(name + tempSuffix)
	if err != nil {
		return nil, err
	}
	w := &File{fs: v, name: name, f: f, buf: make([]byte, BlockSize)}
	h := header{generation: 1, length: 1 << 62, directory: directory}
	h.put(w.buf)
	return w, nil
}

// Add adds an entry. Errors are kept until Close.
func (w *File) Add(e Entry, payload []byte) {
	at := len(w.buf)
	w.buf = append(slices.Grow(w.buf, EntryHeader+len(payload))[:at+EntryHeader], payload...)
	e.put(w.buf[at:], len(payload))
	seal(w.buf[at:], 1, false)
	if len(w.buf) >= maxWindow {
		w.flush()
	}
}

func (w *File) flush() {
	if w.err == nil {
		_, w.err = w.f.WriteAt(w.buf, w.pos)
	}
	w.pos += int64(len(w.buf))
	w.buf = w.buf[:0]
}

// Close writes what is left, syncs it and gives the file its name, which is durable after a sync of the
// directory.
func (w *File) Close() error {
	w.flush()
	if w.err == nil {
		w.err = w.f.Sync()
	}
	if err := w.f.Close(); w.err == nil {
		w.err = err
	}
	if w.err == nil {
		w.err = w.fs.Rename(w.name+tempSuffix, w.name)
	}
	return w.err
}
