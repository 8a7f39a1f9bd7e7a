package vfs

import (
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

var _ FS = (*MemFS)(nil)

// cleanName is a name as path elements under the root.
func cleanName(name string) string { return path.Clean("/" + name) }

// find returns the node of a name. The caller holds mu.
func (m *MemFS) find(name string) (*memNode, error) {
	n := m.root
	for rest := cleanName(name)[1:]; rest != ""; {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		if !n.dir {
			return nil, syscall.ENOTDIR
		}
		next := n.entries[elem]
		if next == nil {
			return nil, syscall.ENOENT
		}
		n = next
	}
	return n, nil
}

// findParent returns the directory that holds or would hold a name, and the last element. The
// root has no parent: EINVAL. The caller holds mu.
func (m *MemFS) findParent(name string) (*memNode, string, error) {
	dir, base := path.Split(cleanName(name))
	if base == "" {
		return nil, "", syscall.EINVAL
	}
	n, err := m.find(dir)
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	return n, base, err
}

// Create makes or empties a file. Emptying is a truncation of the same file: it is durable with
// the next sync of the file, and other handles see it.
func (m *MemFS) Create(name string) (File, error) {
	f, err := m.open(name, true, true)
	if err == nil {
		m.mu.RLock()
		f.node.mu.Lock()
		err = f.node.data.truncate(0, &m.space)
		f.node.mu.Unlock()
		m.mu.RUnlock()
	}
	m.did(OpCreate, name)
	return f.orError("create", name, err)
}

// Open opens a file for reading.
func (m *MemFS) Open(name string) (File, error) {
	f, err := m.open(name, false, false)
	m.did(OpOpen, name)
	return f.orError("open", name, err)
}

// OpenReadWrite opens a file for reading and writing.
func (m *MemFS) OpenReadWrite(name string) (File, error) {
	f, err := m.open(name, false, true)
	m.did(OpOpenReadWrite, name)
	return f.orError("open", name, err)
}

// OpenDirect is OpenReadWrite, and holds the caller to whole blocks in aligned memory.
func (m *MemFS) OpenDirect(name string) (File, error) {
	f, err := m.open(name, false, true)
	if err == nil {
		f.direct = true
	}
	m.did(OpOpenReadWrite, name)
	return f.orError("open", name, err)
}

func (m *MemFS) open(name string, create, write bool) (*memFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err == syscall.ENOENT && create {
		n, err = m.makeFile(name)
	}
	if err != nil {
		return nil, err
	}
	if n.dir {
		return nil, syscall.EISDIR
	}
	n.opens++
	return &memFile{fs: m, node: n, name: name, write: write}, nil
}

// makeFile adds an empty file. The caller holds mu and knows that the name is free.
func (m *MemFS) makeFile(name string) (*memNode, error) {
	dir, base, err := m.findParent(name)
	if err != nil {
		return nil, err
	}
	n := newMemNode(false)
	m.link(dir, base, n)
	m.touch(n)
	return n, nil
}

// link puts a new node under a name. The caller holds mu.
func (m *MemFS) link(dir *memNode, base string, n *memNode) {
	dir.entries[base] = n
	n.above = dir
	m.touch(dir)
	m.pending = append(m.pending, &nameOp{node: n, toDir: dir, to: base})
}

// MkdirAll makes directories; each new one is an entry of its own to be made durable.
func (m *MemFS) MkdirAll(name string) error {
	err := m.mkdirAll(name)
	m.did(OpMkdir, name)
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return nil
}

func (m *MemFS) mkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.root
	for rest := cleanName(name)[1:]; rest != ""; {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		next := n.entries[elem]
		if next == nil {
			next = newMemNode(true)
			m.link(n, elem, next)
			m.touch(next)
		}
		if !next.dir {
			return syscall.ENOTDIR
		}
		n = next
	}
	return nil
}

// List returns the base names in a directory, sorted.
func (m *MemFS) List(name string) ([]string, error) {
	names, err := m.list(name)
	m.did(OpList, name)
	if err != nil {
		return nil, &fs.PathError{Op: "list", Path: name, Err: err}
	}
	return names, nil
}

func (m *MemFS) list(name string) ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, syscall.ENOTDIR
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

// Stat describes a file or directory. The size of a directory is 0.
func (m *MemFS) Stat(name string) (Info, error) {
	defer m.did(OpStat, name)
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.find(name)
	if err != nil {
		return Info{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return Info{Size: n.data.size, Dir: n.dir, ModTime: time.Unix(0, n.modTime.Load())}, nil
}

// Rename moves a file over a file or to a free name, or a directory to a free name.
func (m *MemFS) Rename(from, to string) error {
	err := m.rename(from, to)
	m.did(OpRename, to)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (m *MemFS) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(from)
	if err != nil {
		return err
	}
	fromDir, fromBase, err := m.findParent(from)
	if err != nil {
		return err
	}
	toDir, toBase, err := m.findParent(to)
	if err != nil {
		return err
	}
	old := toDir.entries[toBase]
	switch {
	case old == n:
		return nil
	case old != nil && old.dir:
		return fs.ErrExist
	case old != nil && n.dir:
		return syscall.ENOTDIR
	}
	op := &nameOp{node: n, fromDir: fromDir, from: fromBase, toDir: toDir, to: toBase}
	if fromDir != toDir {
		for d := toDir; d != nil; d = d.above {
			if d == n {
				return syscall.EINVAL // a directory into itself
			}
			op.under = append(op.under, d)
		}
	}
	if old != nil {
		m.unlink(old)
	}
	delete(fromDir.entries, fromBase)
	toDir.entries[toBase] = n
	n.above = toDir
	m.touch(fromDir)
	m.touch(toDir)
	m.pending = append(m.pending, op)
	return nil
}

// unlink notes that a node lost its name; its room is free once nobody has it open. The caller
// holds mu.
func (m *MemFS) unlink(n *memNode) {
	n.unlinked = true
	m.freeUnused(n)
}

func (m *MemFS) freeUnused(n *memNode) {
	if n.unlinked && n.opens == 0 {
		m.space.give(n.data.held)
		n.data.held = 0
	}
}

// Remove unlinks a file or an empty directory. Open handles stay good.
func (m *MemFS) Remove(name string) error {
	err := m.remove(name)
	m.did(OpRemove, name)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

func (m *MemFS) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err != nil {
		return err
	}
	dir, base, err := m.findParent(name)
	if err != nil {
		return err
	}
	if len(n.entries) > 0 {
		return syscall.ENOTEMPTY
	}
	delete(dir.entries, base)
	m.touch(dir)
	m.unlink(n)
	m.pending = append(m.pending, &nameOp{node: n, fromDir: dir, from: base})
	return nil
}

// SyncDir makes the entries of one directory durable: not what the named files hold, not the
// entries of directories below, and not its own name.
func (m *MemFS) SyncDir(name string) error {
	err := m.syncDir(name)
	m.did(OpSyncDir, name)
	if err != nil {
		return &fs.PathError{Op: "syncdir", Path: name, Err: err}
	}
	return nil
}

func (m *MemFS) syncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err != nil {
		return err
	}
	if !n.dir {
		return syscall.ENOTDIR
	}
	m.commitNames(func(op *nameOp) { op.sync(n) })
	return nil
}

// Lock takes a file for one holder in this MemFS. A crash clone has no locks.
func (m *MemFS) Lock(name string) (io.Closer, error) {
	l, err := m.lock(name)
	m.did(OpLock, name)
	if err != nil {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return l, nil
}

func (m *MemFS) lock(name string) (*memLock, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.find(name)
	if err == syscall.ENOENT {
		n, err = m.makeFile(name)
	}
	switch {
	case err != nil:
		return nil, err
	case n.dir:
		return nil, syscall.EISDIR
	case n.locked:
		return nil, ErrLocked
	}
	n.locked = true
	n.opens++
	return &memLock{fs: m, node: n}, nil
}

type memLock struct {
	fs   *MemFS
	node *memNode
	once sync.Once
}

// Close gives the lock back.
func (l *memLock) Close() error {
	err := fs.ErrClosed
	l.once.Do(func() {
		l.fs.mu.Lock()
		defer l.fs.mu.Unlock()
		l.node.locked = false
		l.node.opens--
		l.fs.freeUnused(l.node)
		err = nil
	})
	return err
}
