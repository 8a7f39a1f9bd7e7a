//go:build unix

package vfs

import (
	"os"
	"syscall"
)

func openFile(name string, flag int) (*os.File, error) { return os.OpenFile(name, flag, filePerm) }

// portable leaves errors alone: they are POSIX numbers already.
func portable(err error) error { return err }

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// retryInterrupted repeats a call that a signal broke off before it did anything.
func retryInterrupted(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}
