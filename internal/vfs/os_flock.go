//go:build darwin || freebsd

package vfs

import (
	"os"
	"syscall"
)

// lockFile takes flock(2), which belongs to the open file: it excludes other opens in this
// process too, and the kernel drops it with the last descriptor (S-16). On these systems it also excludes the locks of
// fcntl(2), which Java takes.
func lockFile(f *os.File) error {
	err := retryInterrupted(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if err == syscall.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}
