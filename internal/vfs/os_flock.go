//go:build linux || darwin || freebsd

package vfs

import (
	"os"
	"syscall"
)

// lockFile takes flock(2), which belongs to the open file: it excludes other opens in this
// process too, and the kernel drops it with the last descriptor (S-16).
func lockFile(f *os.File) error {
	err := retryInterrupted(func() error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if err == syscall.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}

func diskUsage(name string) (Usage, error) {
	var st syscall.Statfs_t
	if err := retryInterrupted(func() error { return syscall.Statfs(name, &st) }); err != nil {
		return Usage{}, err
	}
	block := int64(st.Bsize)
	return Usage{Total: int64(st.Blocks) * block, Free: int64(st.Bavail) * block}, nil
}
