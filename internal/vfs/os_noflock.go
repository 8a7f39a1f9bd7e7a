//go:build unix && !linux && !darwin && !freebsd

package vfs

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock that dies with the process there is no S-16.
func lockFile(f *os.File) error { return errors.ErrUnsupported }

func diskUsage(name string) (Usage, error) { return Usage{}, errors.ErrUnsupported }
