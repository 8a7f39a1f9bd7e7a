package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// A partition's directory is made without waiting for the disk: thousands of them are made in one request, and most are not written
// to for a while. What says whose it is, partition.metadata, its name and that of the directory are durable, the log is
// established, before its first byte is written anywhere. So a directory that a crash has left without an identity holds nothing,
// and is made anew; one that is not there has never been written to, as far as anybody was told.

// births counts the directories that were made in a data directory, and up to which of them their names are durable.
type births struct {
	made   atomic.Uint64
	mu     sync.Mutex // held while syncing
	synced uint64     // guarded by mu
}

// sync makes the names of the directories durable that were made before the call. Whoever waits for another's sync has
// often nothing left to do.
func (b *births) sync(v vfs.FS, path string) error {
	want := b.made.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.synced >= want {
		return nil
	}
	made := b.made.Load()
	if err := v.SyncDir(path); err != nil {
		return err
	}
	b.synced = made
	return nil
}

// identity is what identify has found of a partition's directory.
type identity uint8

const (
	identityKnown identity = iota // the directory was there, and is the partition's
	identityGiven                 // it was there without an identity and without a byte of data
	identityNew                   // it was made
)

// identify makes sure that path is the directory of the partition. One that is not there is made, and one that a crash has left
// without a whole identity, and so without data, gets it; neither is durable before the log is established. Errors: ErrTopicID.
func (d *Dir) identify(path string, tip kafka.TopicIDPartition) (identity, error) {
	v := d.disk.fs
	err := identified(v, path, tip.ID)
	if err == nil || !errors.Is(err, errUnnamed) {
		return identityKnown, err
	}
	// Before the name is there: what the checkpoints say of it is of a log that was removed.
	if err := d.points.forget(tip.TopicPartition()); err != nil {
		return identityNew, err
	}
	names, err := v.List(path)
	state := identityGiven
	switch {
	case errors.Is(err, fs.ErrNotExist):
		state = identityNew
		if err := v.MkdirAll(path); err != nil {
			return state, noRoomFor(err)
		}
		d.births.made.Add(1)
	case err != nil:
		return state, err
	default:
		if err := holdsNothing(v, path, names); err != nil {
			return state, err
		}
	}
	return state, writeFile(v, path+"/"+partitionFile, encodePartition(tip.ID))
}

// errUnnamed is returned inside the package for a directory without a whole partition.metadata.
var errUnnamed = errors.New("directory has no identity")

// identified reads a directory's identity. Errors: ErrTopicID for another topic's, errUnnamed.
func identified(v vfs.FS, path string, id kafka.TopicID) error {
	content, err := readFile(v, path+"/"+partitionFile)
	if errors.Is(err, fs.ErrNotExist) {
		return errUnnamed
	}
	if err != nil {
		return err
	}
	have, err := parsePartition(content)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnnamed, err)
	}
	if have != id {
		return fmt.Errorf("%w: %s is of %v, not %v", ErrTopicID, path, have, id)
	}
	return nil
}

// holdsNothing refuses a directory without an identity that has a byte of data. Error: ErrTopicID.
func holdsNothing(v vfs.FS, path string, names []string) error {
	for _, name := range names {
		if !strings.HasSuffix(name, extLog) {
			continue
		}
		info, err := v.Stat(path + "/" + name)
		if err != nil {
			return err
		}
		if info.Size > 0 {
			return fmt.Errorf("%w: %s has segments but no %s that can be read", ErrTopicID, path, partitionFile)
		}
	}
	return nil
}

// maxYoung bounds how many logs are remembered that Establish is to take. Of thousands that are made at once most wait for their
// first byte.
const maxYoung = 1024

// Establish makes durable whose one of the logs is that were made lately, so that its first append need not wait for that, and reports
// whether more wait. Where it cannot, the append finds out.
func (d *Dir) Establish() (more bool) {
	d.mu.Lock()
	var l *Log
	if n := len(d.mu.young); n > 0 {
		l, d.mu.young = d.mu.young[0], d.mu.young[1:]
	} else {
		d.mu.young = nil
	}
	d.mu.Unlock()
	if l == nil {
		return false
	}
	if d.disk.refuseStalled() == nil {
		_ = l.establish()
	}
	return true
}

// Establish makes durable whose the log is, for somebody whose first append must not wait. Errors: ErrOffline, ErrClosed, ErrStalled;
// syscall.ENOSPC (wrapped), and then the first append tries it again.
func (l *Log) Establish() error {
	if err := l.disk.refuseStalled(); err != nil {
		return err
	}
	return l.establish()
}

// establish makes durable whose the log is. It returns at once for a log that has been written to. Errors: ErrOffline, ErrClosed;
// syscall.ENOSPC (wrapped), and it may be tried again.
func (l *Log) establish() error {
	if l.unestablished.Load() == nil {
		return nil
	}
	l.syncMu.Lock()
	defer l.syncMu.Unlock()
	return l.establishLocked()
}

// establishLocked is establish, with syncMu held.
func (l *Log) establishLocked() error {
	d := l.unestablished.Load()
	if d == nil || plantedNotEstablished {
		return nil
	}
	l.mu.Lock()
	err := l.usableLocked() // a closed one may have lost its name to another
	l.mu.Unlock()
	if err != nil {
		return err
	}
	defer d.disk.ops.begin()()
	// Written once more: after a sync that has failed for lack of room nobody knows what the file holds.
	if err = writeDurably(d.disk.fs, l.path+"/"+partitionFile, encodePartition(l.tip.ID)); err == nil {
		err = d.births.sync(d.disk.fs, d.path)
	}
	if err != nil {
		return d.disk.noRoom(err)
	}
	l.unestablished.Store(nil)
	return nil
}
