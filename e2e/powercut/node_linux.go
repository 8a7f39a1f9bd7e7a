package powercut

import (
	"context"
	"path"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// tree is what the nodes of a mount have in common.
type tree struct {
	fs   vfs.FS
	gate *gate
	// mu guards the names of nodes. Operations that use a path hold it for reading, those that
	// change names for writing: a path must be true when it is used.
	mu sync.RWMutex
}

// node is a file or directory as the kernel knows it: it stays the same under another name.
type node struct {
	fs.Inode
	tree *tree

	// Guarded by tree.mu.
	above *node // nil: the root
	name  string
	gone  bool // it has no name any more

	mu   sync.Mutex
	open []*handle // guarded by mu
}

var (
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
	_ fs.NodeStatfser  = (*node)(nil)
)

// path is the name from the root on. The caller holds tree.mu.
func (n *node) path() string {
	if n.above == nil {
		return "/"
	}
	return path.Join(n.above.path(), n.name)
}

func (n *node) child(name string) string { return path.Join(n.path(), name) }

// reading and writing run an operation through the gate, with the names as they are or to be changed.
func (n *node) reading(op vfs.Op, run func() error) syscall.Errno {
	return n.run(op, n.tree.mu.RLocker(), run)
}

func (n *node) writing(op vfs.Op, run func() error) syscall.Errno { return n.run(op, &n.tree.mu, run) }

func (n *node) run(op vfs.Op, names sync.Locker, run func() error) syscall.Errno {
	if errno := n.tree.gate.enter(op); errno != 0 {
		return errno
	}
	defer n.tree.gate.leave(op)
	names.Lock()
	defer names.Unlock()
	return errnoOf(run())
}

const (
	fileMode = fuse.S_IFREG | 0o600
	dirMode  = fuse.S_IFDIR | 0o700
)

func fill(out *fuse.Attr, info vfs.Info) {
	out.Mode, out.Nlink = fileMode, 1
	if info.Dir {
		out.Mode, out.Nlink = dirMode, 2
	}
	out.Size, out.Blksize = uint64(info.Size), vfs.BlockSize
	out.Blocks = (out.Size + 511) / 512
	out.SetTimes(&info.ModTime, &info.ModTime, &info.ModTime)
}

// adopt returns the node of a name in this directory, the one that the kernel knows if it does. The
// caller holds tree.mu; the kernel holds the directory, so that two cannot be made.
func (n *node) adopt(ctx context.Context, name string, dir bool) *fs.Inode {
	if known := n.GetChild(name); known != nil && known.IsDir() == dir {
		return known
	}
	mode := uint32(fuse.S_IFREG)
	if dir {
		mode = fuse.S_IFDIR
	}
	return n.NewInode(ctx, &node{tree: n.tree, above: n, name: name}, fs.StableAttr{Mode: mode})
}

// Lookup finds a name in a directory.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (found *fs.Inode, errno syscall.Errno) {
	errno = n.reading(vfs.OpStat, func() error {
		info, err := n.tree.fs.Stat(n.child(name))
		if err == nil {
			fill(&out.Attr, info)
			found = n.adopt(ctx, name, info.Dir)
		}
		return err
	})
	return found, errno
}

// Getattr describes a node, also one that has lost its name and is still open.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return n.reading(vfs.OpStat, func() error {
		info, err := n.stat()
		if err == nil {
			fill(&out.Attr, info)
		}
		return err
	})
}

// stat is under "stat". The caller holds tree.mu.
func (n *node) stat() (vfs.Info, error) {
	if !n.gone {
		return n.tree.fs.Stat(n.path())
	}
	if h := n.anyHandle(); h != nil {
		size, err := h.file.Size()
		return vfs.Info{Size: size}, err
	}
	return vfs.Info{Dir: n.IsDir()}, nil
}

// Setattr sets the length of a file. Modes, owners and times are nobody's business here.
func (n *node) Setattr(_ context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	op := vfs.OpStat
	size, cut := in.GetSize()
	if cut {
		op = vfs.OpTruncate
	}
	return n.reading(op, func() error {
		if cut {
			if err := n.truncate(f, int64(size)); err != nil {
				return err
			}
		}
		info, err := n.stat()
		if err == nil {
			fill(&out.Attr, info)
		}
		return err
	})
}

func (n *node) truncate(f fs.FileHandle, size int64) error {
	if h, ok := f.(*handle); ok {
		return h.file.Truncate(size)
	}
	file, err := n.tree.fs.OpenReadWrite(n.path())
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Truncate(size)
}

// Open opens a file; what the kernel has cached of it is still true.
func (n *node) Open(_ context.Context, flags uint32) (fh fs.FileHandle, how uint32, errno syscall.Errno) {
	op, open := vfs.OpOpen, n.tree.fs.Open
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		op, open = vfs.OpOpenReadWrite, n.tree.fs.OpenReadWrite
	}
	errno = n.reading(op, func() error {
		file, err := open(n.path())
		if err == nil {
			fh = n.opened(file)
		}
		return err
	})
	return fh, fuse.FOPEN_KEEP_CACHE, errno
}

// Create makes a file and opens it.
func (n *node) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (made *fs.Inode, fh fs.FileHandle, how uint32, errno syscall.Errno) {
	errno = n.writing(vfs.OpCreate, func() error {
		file, err := n.tree.fs.Create(n.child(name))
		if err != nil {
			return err
		}
		info, err := n.tree.fs.Stat(n.child(name))
		if err != nil {
			file.Close()
			return err
		}
		fill(&out.Attr, info)
		made = n.adopt(ctx, name, false)
		fh = made.Operations().(*node).opened(file)
		return nil
	})
	return made, fh, 0, errno
}

// Mkdir makes a directory.
func (n *node) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (made *fs.Inode, errno syscall.Errno) {
	errno = n.writing(vfs.OpMkdir, func() error {
		err := n.tree.fs.MkdirAll(n.child(name))
		if err == nil {
			fill(&out.Attr, vfs.Info{Dir: true})
			made = n.adopt(ctx, name, true)
		}
		return err
	})
	return made, errno
}

// Unlink takes the name of a file away.
func (n *node) Unlink(_ context.Context, name string) syscall.Errno { return n.remove(name) }

// Rmdir removes an empty directory.
func (n *node) Rmdir(_ context.Context, name string) syscall.Errno { return n.remove(name) }

func (n *node) remove(name string) syscall.Errno {
	return n.writing(vfs.OpRemove, func() error {
		err := n.tree.fs.Remove(n.child(name))
		if known := n.GetChild(name); err == nil && known != nil {
			known.Operations().(*node).gone = true
		}
		return err
	})
}

// Rename moves a file or directory. The flags of renameat2 are not served.
func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	above := to.(*node)
	return n.writing(vfs.OpRename, func() error {
		if err := n.tree.fs.Rename(n.child(name), above.child(newName)); err != nil {
			return err
		}
		if over := above.GetChild(newName); over != nil {
			over.Operations().(*node).gone = true
		}
		if moved := n.GetChild(name); moved != nil {
			m := moved.Operations().(*node)
			m.above, m.name, m.gone = above, newName, false
		}
		return nil
	})
}

// Readdir lists a directory.
func (n *node) Readdir(context.Context) (entries fs.DirStream, errno syscall.Errno) {
	errno = n.reading(vfs.OpList, func() error {
		names, err := n.tree.fs.List(n.path())
		if err != nil {
			return err
		}
		list := make([]fuse.DirEntry, 0, len(names))
		for _, name := range names {
			info, err := n.tree.fs.Stat(n.child(name))
			if err != nil {
				return err
			}
			mode := uint32(fuse.S_IFREG)
			if info.Dir {
				mode = fuse.S_IFDIR
			}
			list = append(list, fuse.DirEntry{Name: name, Mode: mode})
		}
		entries = fs.NewListDirStream(list)
		return nil
	})
	return entries, errno
}

// fsyncData is the flag of FUSE that makes an fsync an fdatasync.
const fsyncData = 1

// Fsync makes a file's data, or a directory's entries, durable.
func (n *node) Fsync(_ context.Context, f fs.FileHandle, flags uint32) syscall.Errno {
	h, ok := f.(*handle)
	switch {
	case n.IsDir():
		return n.reading(vfs.OpSyncDir, func() error { return n.tree.fs.SyncDir(n.path()) })
	case !ok:
		return syscall.EBADF
	case flags&fsyncData != 0:
		return h.run(vfs.OpSyncData, h.file.SyncData)
	}
	return h.run(vfs.OpSync, h.file.Sync)
}

// Statfs tells the room on the disk.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.reading(vfs.OpUsage, func() error {
		usage, err := n.tree.fs.Usage("/")
		out.Bsize, out.Frsize, out.NameLen = vfs.BlockSize, vfs.BlockSize, 255
		out.Blocks = uint64(usage.Total) / vfs.BlockSize
		out.Bfree = uint64(usage.Free) / vfs.BlockSize
		out.Bavail = out.Bfree
		return err
	})
}
