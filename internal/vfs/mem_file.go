package vfs

import (
	"errors"
	"io/fs"
	"sync/atomic"
	"syscall"
)

// memFile is an open handle on a node of a MemFS.
type memFile struct {
	fs     *MemFS
	node   *memNode
	name   string
	write  bool
	direct bool // see refused
	closed atomic.Bool
}

// orError makes the two results of an open.
func (f *memFile) orError(op, name string, err error) (File, error) {
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return f, nil
}

func (f *memFile) wrap(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// begin takes the locks of a data operation; end gives them back and reports the operation.
func (f *memFile) begin(exclusive bool) error {
	if f.closed.Load() {
		return fs.ErrClosed
	}
	f.fs.mu.RLock()
	if exclusive {
		f.node.mu.Lock()
	} else {
		f.node.mu.RLock()
	}
	return nil
}

func (f *memFile) end(exclusive bool, op Op) {
	if exclusive {
		f.node.mu.Unlock()
	} else {
		f.node.mu.RUnlock()
	}
	f.fs.mu.RUnlock()
	f.fs.did(op, f.name)
}

var errNegativeOffset = errors.New("negative offset")

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.wrap("read", errNegativeOffset)
	}
	if f.refused(p, off) {
		return 0, f.wrap("read", syscall.EINVAL)
	}
	if err := f.begin(false); err != nil {
		return 0, f.wrap("read", err)
	}
	n, err := f.node.data.readAt(p, off) // nil or io.EOF
	f.end(false, OpRead)
	return n, err
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.wrap("write", errNegativeOffset)
	}
	if !f.write {
		return 0, f.wrap("write", syscall.EBADF)
	}
	if f.refused(p, off) {
		return 0, f.wrap("write", syscall.EINVAL)
	}
	if err := f.begin(true); err != nil {
		return 0, f.wrap("write", err)
	}
	n, err := f.node.data.writeAt(p, off, &f.fs.space)
	f.fs.touch(f.node)
	f.end(true, OpWrite)
	if err != nil {
		return n, f.wrap("write", err)
	}
	return n, nil
}

// refused reports what the strictest of systems would not do with a file of OpenDirect.
func (f *memFile) refused(p []byte, off int64) bool {
	return f.direct && (off%BlockSize != 0 || len(p)%BlockSize != 0 || offBlock(p) != 0)
}

func (f *memFile) Size() (int64, error) {
	if err := f.begin(false); err != nil {
		return 0, f.wrap("stat", err)
	}
	size := f.node.data.size
	f.end(false, OpStat)
	return size, nil
}

func (f *memFile) Truncate(size int64) error {
	if size < 0 || !f.write {
		return f.wrap("truncate", syscall.EINVAL)
	}
	if err := f.begin(true); err != nil {
		return f.wrap("truncate", err)
	}
	err := f.node.data.truncate(size, &f.fs.space)
	f.fs.touch(f.node)
	f.end(true, OpTruncate)
	if err != nil {
		return f.wrap("truncate", err)
	}
	return nil
}

// Sync makes the data durable and says nothing of the name: that is SyncDir's.
func (f *memFile) Sync() error { return f.sync(OpSync, "fsync") }

// SyncData makes the data and the length durable.
func (f *memFile) SyncData() error { return f.sync(OpSyncData, "fdatasync") }

func (f *memFile) sync(op Op, text string) error {
	if err := f.begin(true); err != nil {
		return f.wrap(text, err)
	}
	f.node.data.sync()
	f.end(true, op)
	if plantedSyncName {
		f.fs.mu.Lock()
		defer f.fs.mu.Unlock()
		f.fs.commitNames(func(o *nameOp) {
			if o.node == f.node {
				o.fromSynced, o.toSynced = true, true
			}
		})
	}
	return nil
}

// failSync drops the dirty state as a failed fsync does. WithErrors calls it when it injects one.
func (f *memFile) failSync() {
	if f.begin(true) != nil {
		return
	}
	defer f.fs.mu.RUnlock()
	defer f.node.mu.Unlock()
	f.node.data.failSync()
}

// WriteOut is a hint, and whether a crash keeps a block is drawn anyway.
func (f *memFile) WriteOut(off, n int64) error {
	if err := f.begin(false); err != nil {
		return f.wrap("sync_file_range", err)
	}
	f.end(false, OpWriteOut)
	return nil
}

// Preallocate takes no room.
func (f *memFile) Preallocate(off, n int64) error {
	if err := f.begin(false); err != nil {
		return f.wrap("fallocate", err)
	}
	f.end(false, OpPreallocate)
	return nil
}

func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return f.wrap("close", fs.ErrClosed)
	}
	f.fs.mu.Lock()
	f.node.opens--
	f.fs.freeUnused(f.node)
	f.fs.mu.Unlock()
	f.fs.did(OpClose, f.name)
	return nil
}
