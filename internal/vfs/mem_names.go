package vfs

// nameOp is one change of directory entries that is not durable yet: a link (create, mkdir) has
// a to side, an unlink a from side, a rename both. The file systems we run on (ext4, XFS, and
// POSIX for rename) promise that an operation happens whole or not at all, and that operations
// on one name or one file keep their order; between different names there is no order.
type nameOp struct {
	node       *memNode
	fromDir    *memNode
	from       string
	fromSynced bool
	toDir      *memNode
	to         string
	toSynced   bool
	under      []*memNode // of a rename between directories: the target directory and all above
}

// sync notes that a directory was synced.
func (o *nameOp) sync(dir *memNode) {
	o.fromSynced = o.fromSynced || o.fromDir == dir
	o.toSynced = o.toSynced || o.toDir == dir
}

// durable tells whether every directory that the change touches was synced since.
func (o *nameOp) durable() bool {
	return (o.fromDir == nil || o.fromSynced) && (o.toDir == nil || o.toSynced)
}

// touches tells whether the change has a side at a name of a directory.
func (o *nameOp) touches(dir *memNode, base string) bool {
	return dir != nil && (o.fromDir == dir && o.from == base || o.toDir == dir && o.to == base)
}

// needs tells whether o cannot be on the disk without an earlier change e.
func (o *nameOp) needs(e *nameOp) bool {
	if o.node == e.node || e.touches(o.fromDir, o.from) || e.touches(o.toDir, o.to) {
		return true
	}
	if o.toDir == nil && o.node.dir && (e.fromDir == o.node || e.toDir == o.node) {
		return true // a directory is removed after what emptied it
	}
	for _, dir := range o.under {
		if e.node == dir {
			return true // a file that moved must not vanish with a directory that was never there
		}
	}
	return false
}

// apply makes the change in directories as entries returns them.
func (o *nameOp) apply(entries func(dir *memNode) map[string]*memNode) {
	if o.fromDir != nil {
		if from := entries(o.fromDir); from[o.from] == o.node {
			delete(from, o.from)
		}
	}
	if o.toDir != nil {
		entries(o.toDir)[o.to] = o.node
	}
}

// withNeeds adds to a choice among ops (in order) everything that the chosen ones need.
func withNeeds(ops []*nameOp, chosen []bool) {
	if plantedRenameGone {
		return
	}
	for i := len(ops) - 1; i > 0; i-- {
		if !chosen[i] {
			continue
		}
		for j := range i {
			if !chosen[j] && ops[i].needs(ops[j]) {
				chosen[j] = true
			}
		}
	}
}

// commitNames lets mark see every pending change and makes durable those that are so afterwards.
// The caller holds mu.
func (m *MemFS) commitNames(mark func(*nameOp)) {
	chosen := make([]bool, len(m.pending))
	for i, op := range m.pending {
		mark(op)
		chosen[i] = op.durable()
	}
	withNeeds(m.pending, chosen)
	rest := m.pending[:0]
	for i, op := range m.pending {
		if chosen[i] {
			op.apply(func(dir *memNode) map[string]*memNode { return dir.synced })
		} else {
			rest = append(rest, op)
		}
	}
	clear(m.pending[len(rest):])
	m.pending = rest
}
