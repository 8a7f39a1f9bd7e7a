package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"regexp"
	"slices"
	"sync"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const (
	// unlinkBytes bounds what one Dir.Unlink takes, the file that goes beyond is the last; each file and directory counts for
	// unlinkLeast more than it is long, so that it takes 64 empty ones. Four times as much at once was worse for producers' 99th percentile.
	unlinkBytes = 4 << 20
	unlinkLeast = 64 << 10

	deleteSuffix = "-delete" // of directories, Kafka's names
	straySuffix  = "-stray"
)

// deletedDir is what Kafka and this package call a directory that is to be unlinked. A topic of such a name has "-" and
// a partition after it.
var deletedDir = regexp.MustCompile(`^.+\.[0-9a-f]{32}` + deleteSuffix + `$`)

// trash is what waits to be unlinked in one data directory, in the order in which it came: files and directories that
// have got another name, so that no log knows of them and a start takes them for what they are.
type trash struct {
	wake func() // see DirOptions.Doomed; may be nil

	mu struct {
		sync.Mutex
		items    []*doomed
		bytes    int64 // of the items, as far as known
		unlinked int64 // files, since the start
		freed    int64 // bytes, since the start
		done     Retained
	}
}

// retained counts what Dir.Retain has thrown away.
func (t *trash) retained(r *Retained) {
	t.mu.Lock()
	t.mu.done.Add(r)
	t.mu.Unlock()
}

// doomed is a directory with what is in it, or some files of a directory that stays.
type doomed struct {
	dir   string
	names []string // in dir
	whole bool     // dir itself goes after them, which are listed when it is its turn
	bytes int64    // of the data in it; 0 if not known
	delay int64    // ms to wait from when Unlink sees it
	due   int64    // when that is over; 0: not seen yet
}

func (t *trash) add(items ...*doomed) {
	if len(items) == 0 {
		return
	}
	t.mu.Lock()
	t.mu.items = append(t.mu.items, items...)
	for _, x := range items {
		t.mu.bytes += x.bytes
	}
	t.mu.Unlock()
	if t.wake != nil {
		t.wake()
	}
}

// forget drops the files of a directory that has got another name and is an item itself.
func (t *trash) forget(dir string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.items = slices.DeleteFunc(t.mu.items, func(x *doomed) bool {
		if x.dir == dir {
			t.mu.bytes -= x.bytes
		}
		return x.dir == dir
	})
}

// due returns the first item whose delay is over, with hurry the first one, and otherwise when the next delay is over:
// math.MaxInt64 if there is none.
func (t *trash) due(nowMs int64, hurry bool) (x *doomed, at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at = math.MaxInt64
	for _, x := range t.mu.items {
		if x.due == 0 || x.due > nowMs+x.delay { // not seen yet, or the clock was set back
			x.due = nowMs + x.delay
		}
		if x.due <= nowMs || hurry || plantedNoDelay {
			return x, nowMs
		}
		at = min(at, x.due)
	}
	return nil, at
}

// took accounts for files that were unlinked; done says that nothing of the item is left.
func (t *trash) took(x *doomed, files, bytes int64, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.unlinked += files
	t.mu.freed += bytes
	if done {
		n := len(t.mu.items)
		if n > 0 && t.mu.items[0] == x { // mostly
			t.mu.items[0], t.mu.items = nil, t.mu.items[1:]
		} else {
			t.mu.items = slices.DeleteFunc(t.mu.items, func(y *doomed) bool { return y == x })
		}
		if len(t.mu.items) < n {
			t.mu.bytes -= x.bytes
		}
	}
}

// Trash is what Unlink has done and has before it.
type Trash struct {
	Waiting      int   // segments and directories
	WaitingBytes int64 // of their data, as far as it is known
	Files, Bytes int64 // unlinked since the start
	Retained     Retained
}

// Trash tells of what waits to be unlinked.
func (d *Dir) Trash() Trash {
	t := d.disk.trash
	t.mu.Lock()
	defer t.mu.Unlock()
	return Trash{Waiting: len(t.mu.items), WaitingBytes: t.mu.bytes, Files: t.mu.unlinked, Bytes: t.mu.freed, Retained: t.mu.done}
}

// Unlink unlinks a portion, by bytes, of what was deleted longer than file.delete.delay.ms ago and tells when to call it again: nowMs
// if more is due, math.MaxInt64 if nothing waits. The delay counts from the first call that sees what was deleted, so it
// is called when DirOptions.Doomed says so; while the directory is full nothing waits for it (S-11). Whoever reads a file keeps it until it is read. What is not unlinked before the
// process ends goes after the next start. One call at a time. Errors: ErrStalled, ErrOffline.
func (d *Dir) Unlink(nowMs int64) (next int64, err error) {
	if err := d.disk.err(); err != nil {
		return math.MaxInt64, err
	}
	if err := d.disk.refuseStalled(); err != nil {
		return nowMs + unlinkRetryMs, err
	}
	defer d.disk.ops.begin()()
	for left := int64(unlinkBytes); left > 0; {
		x, at := d.disk.trash.due(nowMs, d.Full())
		if x == nil {
			return at, nil
		}
		if next, err := d.unlinkOf(x, &left, nowMs); err != nil || left <= 0 {
			return next, err
		}
	}
	return nowMs, nil
}

// unlinkOf unlinks of one item what a portion has left.
func (d *Dir) unlinkOf(x *doomed, left *int64, nowMs int64) (next int64, err error) {
	files, bytes, done, err := x.portion(d.disk.fs, left)
	d.disk.trash.took(x, files, bytes, done)
	if errors.Is(err, errNoRoom) { // a file system that copies on write needs room to free some
		return nowMs + unlinkRetryMs, err
	}
	if err != nil && !done {
		return math.MaxInt64, d.disk.fail(err)
	}
	if err != nil {
		d.disk.lg.Warn("cannot remove what was deleted, it is left until the next start", "path", x.dir, "error", err)
	}
	return nowMs, nil
}

// unlinkRetryMs is how long Unlink waits after a disk did not take it.
const unlinkRetryMs = 1000

// portion unlinks some of the files, for as many bytes as are left, which it counts, and, after the last one, the directory. Of an error done says that it is not the disk's: what
// is left cannot be removed for what it is, a directory that is not empty, say, or for whose it is.
func (x *doomed) portion(v vfs.FS, left *int64) (files, bytes int64, done bool, err error) {
	if x.whole && x.names == nil {
		if x.names, err = v.List(x.dir); errors.Is(err, fs.ErrNotExist) {
			return 0, 0, true, nil
		}
	}
	for err == nil && len(x.names) > 0 {
		if *left <= 0 {
			return files, bytes, false, nil
		}
		n, there, uerr := unlink(v, x.dir+"/"+x.names[0])
		if err = uerr; err != nil {
			break
		}
		if x.names = x.names[1:]; there {
			files, bytes = files+1, bytes+n
		}
		*left -= n + unlinkLeast
	}
	if err == nil && x.whole {
		err = removeIfExists(v, x.dir)
		*left -= unlinkLeast
	}
	done = err == nil || !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.ENOSPC)
	return files, bytes, done, noRoomFor(err)
}

// unlink removes a file, or an empty directory, and says how long it was.
func unlink(v vfs.FS, name string) (bytes int64, there bool, err error) {
	info, err := v.Stat(name)
	if err == nil {
		err = v.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	return info.Size, err == nil, err
}

// RemoveLog deletes a closed log's directory and what the checkpoints say of it. It is given Kafka's name for that, durably,
// so that a crash leaves either the partition or something that the next start removes (S-15), and a log of the same name
// may be opened at once; Unlink removes the files when delayMs (file.delete.delay.ms) are over. Pinned Slices stay readable.
// A directory that is not there is no error. Errors: ErrOpen, ErrTopicID, ErrStalled, ErrOffline, ErrClosed;
// syscall.ENOSPC (wrapped) if the commit log is full and the disk, too: nothing has changed.
func (d *Dir) RemoveLog(tip kafka.TopicIDPartition, delayMs int64) error {
	gone, err := d.putAside(tip, deleteSuffix)
	if err == nil && gone != "" {
		d.disk.trash.add(&doomed{dir: gone, whole: true, delay: delayMs})
	}
	return err
}

// Park takes a partition's directory aside that the metadata does not know, under the name that Kafka gives it: it is kept and
// listed by Strays, and only an operator removes it, or gives it its name back. It takes along what the commit log and the
// checkpoints have of it. Errors: as RemoveLog; CorruptError.
func (d *Dir) Park(tip kafka.TopicIDPartition) error {
	parked, err := d.putAside(tip, straySuffix)
	if err != nil || parked == "" {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strays = append(d.strays, path.Base(parked))
	d.found = slices.DeleteFunc(d.found, func(f kafka.TopicIDPartition) bool { return f == tip })
	return nil
}

// putAside renames a closed log's directory, durably. It returns the new path, or none if there was no such directory.
func (d *Dir) putAside(tip kafka.TopicIDPartition, suffix string) (aside string, err error) {
	tp := tip.TopicPartition()
	if _, err := d.reserve(tp); err != nil {
		return "", err
	}
	defer d.disk.ops.begin()()
	defer func() {
		d.mu.Lock()
		delete(d.mu.logs, tp)
		d.mu.Unlock()
	}()
	v, from := d.disk.fs, d.path+"/"+tp.String()
	content, err := readFile(v, from+"/"+partitionFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", d.disk.fail(err)
	}
	if have, err := parsePartition(content); err != nil || have != tip.ID {
		return "", fmt.Errorf("%w: %s", ErrTopicID, from)
	}
	if suffix == deleteSuffix {
		if err := d.tellRemoved(tip); err != nil {
			return "", d.disk.noRoom(err)
		}
	}
	if suffix == straySuffix {
		if err := d.takeAlong(tip, from); err != nil {
			return "", d.damaged(err)
		}
	}
	if aside, err = d.asidePath(tip, suffix); err == nil {
		err = v.Rename(from, aside)
	}
	if err == nil {
		d.disk.trash.forget(from)
		err = v.SyncDir(d.path)
	}
	if err == nil && suffix == straySuffix {
		err = d.dropReplay(tip)
	}
	if err != nil {
		return "", d.disk.fail(err)
	}
	d.points.drop(tp)
	return aside, nil
}

// asidePath is a path that nobody has yet, with Kafka's name for a directory that is no log any more.
func (d *Dir) asidePath(tip kafka.TopicIDPartition, suffix string) (aside string, err error) {
	for n := byte(0); err == nil; n++ { // once, as ids go
		aside = d.path + "/" + d.asideName(tip, n, suffix)
		_, err = d.disk.fs.Stat(aside)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return aside, err
}

// asideName makes such a name: at most 255 bytes, and unlike any other, however long the topic's name. n is how many were
// not.
func (d *Dir) asideName(tip kafka.TopicIDPartition, n byte, suffix string) string {
	id := [16]byte(tip.ID)
	id[15] ^= n
	for i := range 4 {
		id[i] ^= byte(tip.Partition >> (8 * i))
	}
	if d.disk.random != nil {
		for i, b := range d.disk.random() {
			id[i] ^= b
		}
	}
	suffix = fmt.Sprintf(".%x%s", id, suffix)
	name := tip.TopicPartition().String()
	return name[:min(len(name), 255-len(suffix))] + suffix
}

// Discard closes a log that is to be removed: nothing is flushed. Pinned Slices stay readable. Errors: ErrStalled and ErrOffline,
// and then it is left as it is.
func (l *Log) Discard() error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	l.freeze()
	l.abandon()
	return nil
}

// segmentFiles are the names that the files of a segment may have, and snapshotFiles those of the producer snapshot at offset.
func segmentFiles(base int64) []string {
	var names []string
	for _, ext := range []string{extTime, extIndex, extTxn, extLog} {
		names = append(names, fmt.Sprintf("%020d%s", base, ext))
	}
	return names
}

func snapshotFiles(offset int64) []string {
	return []string{path.Base(windowName("", offset)), fmt.Sprintf("%020d%s", offset, extSnap)}
}

// throwAway gives files Kafka's suffix for what is to be unlinked and puts them into the trash. Names that are not there are
// passed over. Nothing here need be durable: the log start is, and what lies below it is thrown away again after a crash.
// Outside a data directory the files are unlinked. On error what is left of x has not been thrown away.
func (l *Log) throwAway(x *doomed) error {
	v := l.disk.fs
	gone := &doomed{dir: x.dir, bytes: x.bytes, delay: l.cfg.Load().FileDeleteDelayMs}
	for ; len(x.names) > 0; x.names = x.names[1:] {
		name := x.dir + "/" + x.names[0]
		var err error
		if l.disk.trash == nil {
			err = v.Remove(name)
		} else if err = v.Rename(name, name+extDeleted); err == nil {
			gone.names = append(gone.names, x.names[0]+extDeleted)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.throwAwayNames(gone)
			return noRoomFor(err)
		}
	}
	l.throwAwayNames(gone)
	return nil
}

func (l *Log) throwAwayNames(x *doomed) {
	if len(x.names) > 0 {
		l.disk.trash.add(x)
	}
}
