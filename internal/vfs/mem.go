package vfs

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// MemFS is a file system in memory that knows what a crash may take. It keeps for every 4 KiB
// block, file length and directory entry both the present state and the one last made durable;
// CrashClone draws a state that a disk could show after losing power.
//
// The zero capacity is unlimited. Relative names are taken from the root. All methods are safe
// for concurrent use. It starts no goroutine and reads no clock: modification times count up
// unless SetClock gives one.
type MemFS struct {
	// mu guards the tree: entries, pending, links, opens, locks. Data operations hold it for
	// reading together with their node's mu, so that CrashClone, which holds it for writing,
	// sees one instant of the whole disk. Order: mu before memNode.mu.
	mu      sync.RWMutex
	root    *memNode
	pending []*nameOp // directory changes not yet durable, in the order they happened

	space space
	ops   atomic.Int64
	hook  atomic.Pointer[func(Op, string)]
	clock atomic.Pointer[func() time.Time]
	ticks atomic.Int64
}

// NewMem makes an empty file system with a root directory.
func NewMem() *MemFS {
	m := &MemFS{}
	m.root = newMemNode(true)
	return m
}

// memNode is a file or directory (an inode).
type memNode struct {
	dir     bool
	modTime atomic.Int64 // Unix nanoseconds

	// Of a directory, guarded by MemFS.mu.
	entries map[string]*memNode // as programs see it
	synced  map[string]*memNode // as it is surely on the disk; pending says what may be added
	above   *memNode            // the directory that holds this one at present

	// Of a file, guarded by MemFS.mu.
	unlinked bool
	opens    int
	locked   bool

	mu   sync.RWMutex
	data content // guarded by mu
}

func newMemNode(dir bool) *memNode {
	n := &memNode{dir: dir}
	if dir {
		n.entries, n.synced = map[string]*memNode{}, map[string]*memNode{}
	}
	return n
}

// SetHook has f called after every operation, on the goroutine that made it and with no lock
// held, so f may call CrashClone. path is the cleaned name given; for a rename it is the new
// name. nil takes the hook away.
func (m *MemFS) SetHook(f func(op Op, path string)) {
	if f == nil {
		m.hook.Store(nil)
		return
	}
	m.hook.Store(&f)
}

// Ops is the number of operations so far, failed ones included.
func (m *MemFS) Ops() int64 { return m.ops.Load() }

// SetClock gives the source of modification times, which should not go back.
func (m *MemFS) SetClock(now func() time.Time) { m.clock.Store(&now) }

// SetCapacity bounds the file data in bytes, in whole blocks; 0 or less is no bound. Data that
// is there stays even if it is more. A write that finds no room writes what fits and fails with
// syscall.ENOSPC.
func (m *MemFS) SetCapacity(bytes int64) { m.space.limit.Store(max(bytes, 0) / BlockSize) }

// unboundedBytes is what Usage reports as the size of a MemFS without a capacity.
const unboundedBytes = 1 << 40

// Usage counts blocks of file data, removed files that are still open included.
func (m *MemFS) Usage(name string) (Usage, error) {
	m.mu.RLock()
	_, err := m.find(name)
	m.mu.RUnlock()
	defer m.did(OpUsage, name)
	if err != nil {
		return Usage{}, &fs.PathError{Op: "usage", Path: name, Err: err}
	}
	total := m.space.limit.Load() * BlockSize
	if total == 0 {
		total = unboundedBytes
	}
	return Usage{Total: total, Free: max(total-m.space.used.Load()*BlockSize, 0)}, nil
}

// did counts an operation and tells the hook. The caller holds no lock.
func (m *MemFS) did(op Op, name string) {
	m.ops.Add(1)
	if hook := m.hook.Load(); hook != nil {
		(*hook)(op, cleanName(name))
	}
}

// touch sets the modification time: of the clock, or one microsecond more than the last.
func (m *MemFS) touch(n *memNode) {
	if clock := m.clock.Load(); clock != nil {
		n.modTime.Store((*clock)().UnixNano())
		return
	}
	const start = 1_000_000_000 * int64(time.Second) // 2001-09-09, so that 0 never shows up
	n.modTime.Store(start + m.ticks.Add(1)*int64(time.Microsecond))
}

// space counts blocks of data.
type space struct {
	limit, used atomic.Int64 // limit 0 is none
}

// take reserves one block.
func (s *space) take() error {
	used := s.used.Add(1)
	if limit := s.limit.Load(); limit > 0 && used > limit {
		s.used.Add(-1)
		return syscall.ENOSPC
	}
	return nil
}

func (s *space) give(blocks int64) { s.used.Add(-blocks) }
