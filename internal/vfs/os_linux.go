package vfs

import "syscall"

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2): start, do not wait.
const syncFileRangeWrite = 2

// SyncData is fdatasync(2): the file length travels with it, the modification time need not.
func (f *osFile) SyncData() error {
	return f.control("fdatasync", func(fd uintptr) error {
		return retryInterrupted(func() error { return syscall.Fdatasync(int(fd)) })
	})
}

// WriteOut is sync_file_range(2). File systems without it make the hint a no-op.
func (f *osFile) WriteOut(off, n int64) error {
	return f.control("sync_file_range", func(fd uintptr) error {
		err := retryInterrupted(func() error {
			return syscall.SyncFileRange(int(fd), off, n, syncFileRangeWrite)
		})
		if err == syscall.ENOSYS {
			return nil
		}
		return err
	})
}
