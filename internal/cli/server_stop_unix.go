//go:build unix

package cli

import (
	"os"
	"syscall"
)

// ownedByUs reports whether a process's directory belongs to this user.
func ownedByUs(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
