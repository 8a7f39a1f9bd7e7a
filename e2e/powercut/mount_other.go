//go:build !linux

package powercut

import (
	"errors"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// ErrUnavailable says that this machine cannot mount a disk of ours.
var ErrUnavailable = errors.New("no power to cut here: it wants FUSE of Linux")

// Available returns ErrUnavailable.
func Available() error { return ErrUnavailable }

type mounted struct{}

func mountAt(string, vfs.FS, *gate) (mounted, error) { return mounted{}, ErrUnavailable }

func (mounted) unmount() error { return nil }
