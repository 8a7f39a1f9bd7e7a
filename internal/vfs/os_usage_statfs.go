//go:build linux || darwin || freebsd

package vfs

import "syscall"

func diskUsage(name string) (Usage, error) {
	var st syscall.Statfs_t
	if err := retryInterrupted(func() error { return syscall.Statfs(name, &st) }); err != nil {
		return Usage{}, err
	}
	block := int64(st.Bsize)
	return Usage{Total: int64(st.Blocks) * block, Free: int64(st.Bavail) * block}, nil
}
