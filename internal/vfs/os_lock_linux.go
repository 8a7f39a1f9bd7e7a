package vfs

import (
	"io"
	"os"
	"syscall"
)

// ofdSetLock is F_OFD_SETLK of fcntl(2).
const ofdSetLock = 37

// lockFile takes a lock of fcntl(2) on the whole file that belongs to the open file (Linux 3.15): like flock(2) it excludes other
// opens in this process too, and the kernel drops it with the last descriptor (S-16). Unlike flock it also excludes the
// locks that belong to processes, which is what Java takes: an Apache Kafka must not have the same directory.
func lockFile(f *os.File) error {
	whole := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	err := retryInterrupted(func() error { return syscall.FcntlFlock(f.Fd(), ofdSetLock, &whole) })
	if err == syscall.EAGAIN || err == syscall.EACCES {
		return ErrLocked
	}
	return err
}
