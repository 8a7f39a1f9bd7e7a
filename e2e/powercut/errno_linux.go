package powercut

import (
	"errors"
	"io"
	iofs "io/fs"
	"syscall"
)

// errnoOf is the number under which a process sees an error of package vfs.
func errnoOf(err error) syscall.Errno {
	var number syscall.Errno
	switch {
	case err == nil || err == io.EOF:
		return 0
	case errors.As(err, &number):
		return number
	case errors.Is(err, iofs.ErrExist):
		return syscall.EEXIST
	case errors.Is(err, iofs.ErrNotExist):
		return syscall.ENOENT
	}
	return syscall.EIO
}
