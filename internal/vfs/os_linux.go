package vfs

import (
	"io/fs"
	"sync"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2): start, do not wait.
const syncFileRangeWrite = 2

// fdCalls are the system calls that os.File does not have. They are made inside RawConn.Control,
// which holds off a concurrent Close, and through functions that are made once per file: a closure
// per call would be an allocation per sync. The lock guards arguments and result.
type fdCalls struct {
	mu      sync.Mutex
	off, n  int64
	err     error
	sync    func(fd uintptr)
	out     func(fd uintptr)
	reserve func(fd uintptr)
}

// SyncData is fdatasync(2): the file length travels with it, the modification time need not. Calls
// for one file run one after the other.
func (f *osFile) SyncData() error {
	c := &f.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sync == nil {
		c.sync = func(fd uintptr) {
			for c.err = syscall.EINTR; c.err == syscall.EINTR; {
				c.err = syscall.Fdatasync(int(fd))
			}
		}
	}
	return f.control(c, "fdatasync", c.sync)
}

// WriteOut is sync_file_range(2). File systems without it make the hint a no-op. Hints do not wait for a sync in progress.
func (f *osFile) WriteOut(off, n int64) error {
	c := &f.hints
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		c.out = func(fd uintptr) {
			for c.err = syscall.EINTR; c.err == syscall.EINTR; {
				c.err = syscall.SyncFileRange(int(fd), c.off, c.n, syncFileRangeWrite)
			}
			if c.err == syscall.ENOSYS {
				c.err = nil
			}
		}
	}
	c.off, c.n = off, n
	return f.control(c, "sync_file_range", c.out)
}

// keepSize is FALLOC_FL_KEEP_SIZE.
const keepSize = 1

// Preallocate is fallocate(2) that keeps the length. File systems without it make the hint a no-op.
func (f *osFile) Preallocate(off, n int64) error {
	c := &f.hints
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reserve == nil {
		c.reserve = func(fd uintptr) {
			for c.err = syscall.EINTR; c.err == syscall.EINTR; {
				c.err = syscall.Fallocate(int(fd), keepSize, c.off, c.n)
			}
			if c.err == syscall.ENOSYS || c.err == syscall.EOPNOTSUPP {
				c.err = nil
			}
		}
	}
	c.off, c.n = off, n
	return f.control(c, "fallocate", c.reserve)
}

// control makes a call that leaves its error in c.err, and names the file in it.
func (f *osFile) control(c *fdCalls, op string, call func(fd uintptr)) error {
	c.err = nil
	if f.raw.Control(call) != nil {
		c.err = fs.ErrClosed // the only reason
	}
	if c.err != nil {
		return &fs.PathError{Op: op, Path: f.f.Name(), Err: c.err}
	}
	return nil
}
