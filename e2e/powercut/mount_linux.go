package powercut

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// ErrUnavailable says that this machine cannot mount a disk of ours.
var ErrUnavailable = errors.New("no power to cut here")

const (
	deviceName  = "/dev/fuse"
	deviceMajor = 10
	deviceMinor = 229
)

// Available returns nil if a disk can be mounted, else ErrUnavailable wrapped with the reason. Where
// root may do so it makes the device.
func Available() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: mounting wants root", ErrUnavailable)
	}
	f, err := os.OpenFile(deviceName, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		if err = syscall.Mknod(deviceName, syscall.S_IFCHR|0o600, deviceMajor<<8|deviceMinor); err == nil {
			f, err = os.OpenFile(deviceName, os.O_RDWR, 0)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return f.Close()
}

// mounted is one life of the mount.
type mounted struct {
	server *fuse.Server
	dir    string
}

// maxWrite is the most bytes of one write that reach the disk at once. The kernel cuts longer ones.
const maxWrite = 1 << 20

// mountAt mounts without the helper of libfuse, which needs not be there. The kernel may remember
// what it has looked up: nobody but the processes on the mount changes names or lengths.
func mountAt(dir string, files vfs.FS, g *gate) (mounted, error) {
	long := time.Hour
	root := &node{tree: &tree{fs: files, gate: g}}
	server, err := fs.Mount(dir, root, &fs.Options{
		EntryTimeout: &long, AttrTimeout: &long, NullPermissions: true,
		MountOptions: fuse.MountOptions{
			DirectMountStrict: true, FsName: "powercut", Name: "powercut", DisableXAttrs: true, MaxWrite: maxWrite,
		},
	})
	return mounted{server, dir}, err
}

// unmount ends the mount and the goroutines behind it. If files are still open they go on to their
// end on a mount without a name.
func (m mounted) unmount() error {
	err := m.server.Unmount()
	if errors.Is(err, syscall.EBUSY) {
		err = syscall.Unmount(m.dir, syscall.MNT_DETACH)
	}
	return err
}
