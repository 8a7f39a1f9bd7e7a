package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// OS returns the real file system. Names are slash-separated and taken relative to the working
// directory unless absolute. Its files implement Descriptor, and ReadAt and WriteAt do not
// allocate. Errors are *fs.PathError or *os.LinkError around the errno of the system.
func OS() FS { return osFS{} }

type osFS struct{}

const (
	filePerm = 0o640
	dirPerm  = 0o750
)

func (osFS) Create(name string) (File, error) {
	return newOSFile(openFile(native(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC))
}

func (osFS) Open(name string) (File, error) {
	return newOSFile(openFile(native(name), os.O_RDONLY))
}

func (osFS) OpenReadWrite(name string) (File, error) {
	return newOSFile(openFile(native(name), os.O_RDWR))
}

func (osFS) MkdirAll(name string) error { return os.MkdirAll(native(name), dirPerm) }

func (osFS) List(name string) ([]string, error) {
	d, err := os.Open(native(name))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

func (osFS) Stat(name string) (Info, error) {
	fi, err := os.Stat(native(name))
	if err != nil {
		return Info{}, err
	}
	return Info{Size: fi.Size(), Dir: fi.IsDir(), ModTime: fi.ModTime()}, nil
}

func (osFS) Rename(from, to string) error { return portable(os.Rename(native(from), native(to))) }

func (osFS) Remove(name string) error { return portable(os.Remove(native(name))) }

func (osFS) SyncDir(name string) error { return syncDir(native(name)) }

// Lock holds the kernel's lock on the open file; the file itself stays after Close.
func (osFS) Lock(name string) (io.Closer, error) {
	f, err := openFile(native(name), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if plantedNoLock {
		return f, nil
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, nil
}

func (osFS) Usage(name string) (Usage, error) {
	u, err := diskUsage(native(name))
	if err != nil {
		return Usage{}, &fs.PathError{Op: "usage", Path: name, Err: err}
	}
	return u, nil
}

func native(name string) string { return filepath.FromSlash(name) }

// osFile is an open file. raw is kept because SyscallConn allocates.
type osFile struct {
	f     *os.File
	fd    uintptr
	raw   syscall.RawConn
	calls fdCalls // SyncData
	hints fdCalls // WriteOut, Preallocate
}

var _ Descriptor = (*osFile)(nil)

func newOSFile(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, portable(err)
	}
	fi, err := f.Stat()
	if err == nil && fi.IsDir() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: syscall.EISDIR}
	}
	var raw syscall.RawConn
	if err == nil {
		raw, err = f.SyscallConn()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &osFile{f: f, fd: f.Fd(), raw: raw}, nil
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) { return f.f.ReadAt(p, off) }

func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.f.WriteAt(p, off)
	if err != nil {
		err = portable(err)
	}
	return n, err
}

func (f *osFile) Close() error { return f.f.Close() }

func (f *osFile) Size() (int64, error) {
	fi, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

func (f *osFile) Truncate(size int64) error { return portable(f.f.Truncate(size)) }

func (f *osFile) Sync() error { return f.f.Sync() }

func (f *osFile) Fd() uintptr { return f.fd }

// String helps in failure messages.
func (f *osFile) String() string { return fmt.Sprintf("os file %s", f.f.Name()) }
