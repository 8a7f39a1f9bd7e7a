package vfs

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// OpenDirect opens with O_DIRECT. A file system that refuses that, at once or when it is written to, is used through
// the page cache.
func (o osFS) OpenDirect(name string) (File, error) {
	opened, err := openFile(native(name), os.O_RDWR|syscall.O_DIRECT)
	if errors.Is(err, syscall.EINVAL) {
		return o.OpenReadWrite(name)
	}
	f, err := newOSFile(opened, err)
	if err != nil {
		return nil, err
	}
	return &directFile{osFile: f.(*osFile)}, nil
}

// directFile goes past the page cache until that is refused.
type directFile struct {
	*osFile
	cached atomic.Bool
}

func (f *directFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.osFile.WriteAt(p, off)
	if errors.Is(err, syscall.EINVAL) && f.useCache() {
		var m int
		m, err = f.osFile.WriteAt(p[n:], off+int64(n))
		n += m
	}
	return n, err
}

func (f *directFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.osFile.ReadAt(p, off)
	if errors.Is(err, syscall.EINVAL) && f.useCache() {
		var m int
		m, err = f.osFile.ReadAt(p[n:], off+int64(n))
		n += m
	}
	return n, err
}

// useCache takes O_DIRECT off the file; false if that has been done or is not possible.
func (f *directFile) useCache() bool {
	if f.cached.Swap(true) {
		return false
	}
	done := false
	err := f.raw.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err == nil {
			_, err = unix.FcntlInt(fd, unix.F_SETFL, flags&^unix.O_DIRECT)
		}
		done = err == nil
	})
	return err == nil && done
}
