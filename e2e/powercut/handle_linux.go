package powercut

import (
	"context"
	"slices"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// handle is an open file. It needs no name: the file may have been renamed or removed.
type handle struct {
	node *node
	file vfs.File
}

var (
	_ fs.FileReader   = (*handle)(nil)
	_ fs.FileWriter   = (*handle)(nil)
	_ fs.FileFlusher  = (*handle)(nil)
	_ fs.FileReleaser = (*handle)(nil)
)

func (n *node) opened(file vfs.File) *handle {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &handle{n, file}
	n.open = append(n.open, h)
	return h
}

func (n *node) anyHandle() *handle {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.open) == 0 {
		return nil
	}
	return n.open[0]
}

func (h *handle) run(op vfs.Op, run func() error) syscall.Errno {
	if errno := h.node.tree.gate.enter(op); errno != 0 {
		return errno
	}
	defer h.node.tree.gate.leave(op)
	return errnoOf(run())
}

// Read reads what is there; less than asked for is the end of the file.
func (h *handle) Read(_ context.Context, p []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n := 0
	errno := h.run(vfs.OpRead, func() (err error) {
		n, err = h.file.ReadAt(p, off)
		return err
	})
	return fuse.ReadResultData(p[:n]), errno
}

// Write writes. What was written before an error counts, and the error comes with the next try, as
// write(2) has it.
func (h *handle) Write(_ context.Context, p []byte, off int64) (written uint32, errno syscall.Errno) {
	n := 0
	errno = h.run(vfs.OpWrite, func() (err error) {
		n, err = h.file.WriteAt(p, off)
		return err
	})
	if n > 0 {
		errno = 0
	}
	return uint32(n), errno
}

// Flush is close(2), which syncs nothing.
func (h *handle) Flush(context.Context) syscall.Errno { return 0 }

// Release ends the handle, whatever the gate says: it is the kernel's, not the process's.
func (h *handle) Release(context.Context) syscall.Errno {
	n := h.node
	n.mu.Lock()
	n.open = slices.DeleteFunc(n.open, func(o *handle) bool { return o == h })
	n.mu.Unlock()
	return errnoOf(h.file.Close())
}
