package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// openFile opens with FILE_SHARE_DELETE, so that open files may be renamed and removed as on
// POSIX systems; os.OpenFile does not share that right.
func openFile(name string, flag int) (*os.File, error) {
	access, disposition := uint32(windows.GENERIC_READ), uint32(windows.OPEN_EXISTING)
	if flag&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	switch {
	case flag&os.O_TRUNC != 0:
		disposition = windows.CREATE_ALWAYS
	case flag&os.O_CREATE != 0:
		disposition = windows.OPEN_ALWAYS
	}
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(path, access, share, nil, disposition, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

// portable adds ENOSPC and EROFS to the Windows numbers that mean them, so that callers test
// one sentinel on every system.
func portable(err error) error {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err
	}
	switch no {
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL:
		return fmt.Errorf("%w (%w)", err, syscall.ENOSPC)
	case windows.ERROR_WRITE_PROTECT:
		return fmt.Errorf("%w (%w)", err, syscall.EROFS)
	case windows.ERROR_DIR_NOT_EMPTY:
		return fmt.Errorf("%w (%w)", err, syscall.ENOTEMPTY)
	}
	return err
}

// syncDir only looks whether the directory is there: NTFS journals names and offers no call for
// making one durable.
func syncDir(name string) error {
	fi, err := os.Stat(name)
	if err == nil && !fi.IsDir() {
		err = &fs.PathError{Op: "syncdir", Path: name, Err: syscall.ENOTDIR}
	}
	return err
}

// lockFile takes LockFileEx on the first byte; Windows drops it when the handle goes (S-16).
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return ErrLocked
	}
	return err
}

func diskUsage(name string) (Usage, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return Usage{}, err
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &total, &all); err != nil {
		return Usage{}, err
	}
	return Usage{Total: int64(total), Free: int64(free)}, nil
}
