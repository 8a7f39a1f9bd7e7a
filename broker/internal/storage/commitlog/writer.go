package commitlog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// ErrFull is returned when the ring has no room: every file still counts and there may be no more.
var ErrFull = errors.New("commit log has no free file")

// Options are the settings of a ring.
type Options struct {
	FS vfs.FS
	// Dir is the data directory, and Directory its id, which the files carry.
	Dir       string
	Directory kafka.UUID
	// FileBytes is the length of a file, a multiple of BlockSize and at least two of them.
	FileBytes int64
	// MaxFiles bounds the number of files, at least 2.
	MaxFiles int
	// After is the highest generation of files that were there before: none of them is used again.
	After uint64
}

// Writer writes the ring. Entries are gathered in a buffer of at most FileBytes, and Commit makes
// them durable, all or none. The first files are made when they are needed.
type Writer struct {
	o     Options
	files []file
	cur   int    // index of the file that is written to, -1 none
	pos   int64  // where in it the next write goes
	last  uint64 // generation of the file begun last
	ended int64  // bytes used in it when it was left
	free  uint64 // files of generations below are free

	buf []byte // a block for a header, and the entries
	n   int    // entries in buf
}

// file is one of the ring. generation is 0 until it is begun.
type file struct {
	f          vfs.File
	generation uint64
	// behind is the generation that a crash may bring back, 0 none: the one before, until something of the present one is durable.
	behind uint64
}

// NewWriter makes the writer of a ring without files. Whatever the directory held was removed.
func NewWriter(o Options) *Writer {
	if o.FileBytes < 2*BlockSize || o.FileBytes%BlockSize != 0 || o.MaxFiles < 2 {
		panic("BUG: a commit log of no size")
	}
	return &Writer{o: o, cur: -1, last: o.After, buf: vfs.Aligned(BlockSize)}
}

// Empty reports whether the ring has no file, and so nothing that could be replayed.
func (w *Writer) Empty() bool { return len(w.files) == 0 }

// Oldest is the lowest generation that could be read after a crash, also of files that are free.
func (w *Writer) Oldest() uint64 {
	oldest := w.last
	for i := range w.files {
		if g := w.files[i].generation; g > 0 {
			oldest = min(oldest, g)
		}
		if g := w.files[i].behind; g > 0 {
			oldest = min(oldest, g)
		}
	}
	return oldest
}

// Remove removes the ring's files, durably, from the oldest on: what an interrupted removal leaves is the ring's end, in which
// everything is that makes void what is left before it. Close comes after it. Errors: of the file system.
func (w *Writer) Remove() error {
	order := make([]int, len(w.files))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(w.files[a].generation, w.files[b].generation) })
	for _, i := range order {
		if err := w.o.FS.Remove(w.name(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := w.o.FS.SyncDir(w.o.Dir); err != nil {
			return err
		}
	}
	return nil
}

// Generation is that of the file begun last: what is committed from now on is in this one or a
// later one.
func (w *Writer) Generation() uint64 { return w.last }

// Free says that nothing in files of generations below g is needed any more. The one that is
// being written to may be among them.
func (w *Writer) Free(g uint64) { w.free = max(w.free, g) }

// Used is the part of the ring that counts, in bytes, and Size all that it may have.
func (w *Writer) Used() int64 {
	used := int64(0)
	for i := range w.files {
		if g := w.files[i].generation; g >= w.free && g > 0 {
			used += w.o.FileBytes
		}
	}
	return used
}

// Size is the most that the ring may have, in bytes.
func (w *Writer) Size() int64 { return w.o.FileBytes * int64(w.o.MaxFiles) }

// Capacity is the most that one Commit may hold, entry headers included.
func (w *Writer) Capacity() int { return int(w.o.FileBytes - BlockSize) }

// Prepare makes sure that a file is free for when the present one is full, and makes a new one if
// need be, which takes a few milliseconds. Errors: ErrFull; syscall.ENOSPC (wrapped): nothing has
// changed; any other one of the file system.
func (w *Writer) Prepare() error {
	if !w.Short() {
		return nil
	}
	s := w.Spare()
	if s == nil {
		return ErrFull
	}
	err := s.Make()
	if err == nil {
		w.Take(s)
	}
	return err
}

// Short reports whether no file is free for when the present one is full.
func (w *Writer) Short() bool { return w.spare() < 0 }

// Left is how much of the present file is free.
func (w *Writer) Left() int64 {
	if w.cur < 0 {
		return 0
	}
	return w.o.FileBytes - w.pos
}

// Spare is a file that is going to be added to the ring. Make may be called while the writer is used, so that
// nobody waits for it. One at a time.
type Spare struct {
	o    *Options
	name string
	f    vfs.File
}

// Spare begins a new file; nil if there may be no more.
func (w *Writer) Spare() *Spare {
	if len(w.files) >= w.o.MaxFiles {
		return nil
	}
	return &Spare{o: &w.o, name: w.name(len(w.files))}
}

// Take adds a file that was made to the ring.
func (w *Writer) Take(s *Spare) { w.files = append(w.files, file{f: s.f}) }

// spare is the free file to be recycled next: the one of the lowest generation. -1: none.
func (w *Writer) spare() int {
	best := -1
	for i := range w.files {
		if g := w.files[i].generation; (g == 0 || g < w.free) && (best < 0 || g < w.files[best].generation) {
			best = i
		}
	}
	return best
}

// Make makes the file, full of zeros, durably with its name. Errors: syscall.ENOSPC (wrapped): nothing has
// changed; any other one of the file system.
func (s *Spare) Make() error {
	f, err := s.create()
	if err != nil {
		return fmt.Errorf("commit log: %w", err)
	}
	zeros := vfs.Aligned(int(min(s.o.FileBytes, 1<<20)))
	for at := int64(0); at < s.o.FileBytes && err == nil; at += int64(len(zeros)) {
		_, err = f.WriteAt(zeros[:min(int64(len(zeros)), s.o.FileBytes-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = s.o.FS.SyncDir(s.o.Dir)
	}
	if err == nil {
		s.f = f
		return nil
	}
	f.Close()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite) {
		if rerr := s.o.FS.Remove(s.name); rerr != nil {
			return fmt.Errorf("commit log: %w", rerr)
		}
		err = fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return fmt.Errorf("commit log: %w", err)
}

// create makes the file, empty, and opens it for writing past the page cache: nobody reads it before a crash.
func (s *Spare) create() (vfs.File, error) {
	f, err := s.o.FS.Create(s.name)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, err
	}
	return s.o.FS.OpenDirect(s.name)
}

func (w *Writer) name(i int) string { return fmt.Sprintf("%s/%s%03d", w.o.Dir, filePrefix, i) }

// Room is how many bytes of entries, their headers included, may still be added to this Commit.
func (w *Writer) Room() int {
	room := int64(0)
	if w.cur >= 0 && w.files[w.cur].generation >= w.free {
		room = w.o.FileBytes - w.pos
	}
	if w.spare() >= 0 {
		room = w.o.FileBytes - BlockSize
	}
	return int(room) - (len(w.buf) - BlockSize)
}

// Add adds an entry and returns the room for its payload, n bytes, which the caller fills before
// anything else is done with the writer. The caller has asked Room for EntryHeader+n.
func (w *Writer) Add(e Entry, n int) []byte {
	at := len(w.buf)
	w.grow(EntryHeader + n)
	w.buf = w.buf[:at+EntryHeader+n]
	e.put(w.buf[at:], n)
	w.n++
	return w.buf[at+EntryHeader:]
}

// Mark is a state of what was added, to go back to.
type Mark struct{ buf, n int }

// Mark is the present state.
func (w *Writer) Mark() Mark { return Mark{len(w.buf), w.n} }

// Back takes back what was added since.
func (w *Writer) Back(m Mark) { w.buf, w.n = w.buf[:m.buf], m.n }

// Discard forgets all entries that were added since the last Commit.
func (w *Writer) Discard() { w.buf, w.n = w.buf[:BlockSize], 0 }

// Added is the number of entries since the last Commit.
func (w *Writer) Added() int { return w.n }

// Commit writes what was added and syncs it: it is durable when nil is returned. The entries are
// forgotten in any case. After an error of writing for lack of room (syscall.ENOSPC, wrapped, which
// pre-written files do not give on most file systems) the ring is as before and goes on in its next
// file; after any other one nothing is known of what is on the disk.
func (w *Writer) Commit() error {
	if w.n == 0 {
		return nil
	}
	defer w.Discard()
	padded := w.pad()
	start, at := int64(BlockSize), w.pos
	if w.cur < 0 || w.files[w.cur].generation < w.free || w.o.FileBytes-w.pos < int64(padded-BlockSize) {
		if err := w.begin(); err != nil {
			return err
		}
		start, at = 0, 0
	}
	w.sealAll(w.buf[BlockSize:len(w.buf)], w.last)
	f := w.files[w.cur].f
	p := w.buf[start:padded]
	n, err := f.WriteAt(p, at)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite)) {
		w.pos = w.o.FileBytes // what it has of this write must not be followed by anything
		return fmt.Errorf("commit log: %w: %w", syscall.ENOSPC, err)
	}
	if err == nil && !plantedUnsynced {
		err = f.SyncData()
	}
	if err != nil {
		return fmt.Errorf("commit log: %w", err)
	}
	w.files[w.cur].behind = 0
	w.pos = at + int64(len(p))
	w.ended = w.pos
	return nil
}

// grow makes room for n more bytes. The buffer stays aligned and its capacity whole blocks.
func (w *Writer) grow(n int) {
	need := len(w.buf) + n
	if need <= cap(w.buf) {
		return
	}
	blocks := (max(need, 2*cap(w.buf)) + BlockSize - 1) / BlockSize
	buf := vfs.Aligned(blocks * BlockSize)
	w.buf = buf[:copy(buf, w.buf)]
}

// pad fills the buffer with zeros up to a whole block and returns its length with them.
func (w *Writer) pad() int {
	n := len(w.buf)
	padded := (n + BlockSize - 1) / BlockSize * BlockSize
	w.grow(padded - n)
	clear(w.buf[n:padded])
	return padded
}

// begin goes on to the next file: its header goes in front of the entries, into the same write.
func (w *Writer) begin() error {
	i := w.spare()
	if plantedReuse && i < 0 {
		i = (w.cur + 1) % len(w.files)
	}
	if i < 0 {
		return ErrFull
	}
	w.last++
	h := header{generation: w.last, length: w.o.FileBytes, previousEnd: w.ended, directory: w.o.Directory}
	h.put(w.buf)
	if w.files[i].behind == 0 {
		w.files[i].behind = w.files[i].generation
	}
	w.files[i].generation = w.last
	w.cur, w.ended = i, BlockSize
	return nil
}

// sealAll completes the entries in b.
func (w *Writer) sealAll(b []byte, generation uint64) {
	for len(b) > 0 {
		n := EntryHeader + int(payloadSize(b))
		seal(b[:n], generation, n == len(b))
		b = b[n:]
	}
}

// Close closes the files.
func (w *Writer) Close() error {
	var err error
	for i := range w.files {
		err = errors.Join(err, w.files[i].f.Close())
	}
	return err
}
