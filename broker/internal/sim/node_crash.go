package sim

import (
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// crashPoint is a crash in so many disk operations.
type crashPoint struct {
	left int
	kind FaultKind
	down time.Duration
	hit  bool
	meta *vfs.MemFS // the disks as the crash left them
	data *vfs.MemFS
}

// cut is the panic by which a crash in the middle of an operation leaves it.
type cut struct{ *crashPoint }

// lockKeeper remembers the locks that a process takes.
type lockKeeper struct {
	vfs.FS
	n *node
}

// Lock implements vfs.FS.
func (k *lockKeeper) Lock(name string) (io.Closer, error) {
	l, err := k.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	once := &closeOnce{Closer: l}
	k.n.held = append(k.n.held, once)
	return once, nil
}

// closeOnce is a lock that both its holder and the end of the process give back.
type closeOnce struct {
	io.Closer
	closed bool
}

// Close implements io.Closer.
func (c *closeOnce) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return c.Closer.Close()
}

func (n *node) locks(disk *vfs.MemFS) vfs.FS { return &lockKeeper{FS: disk, n: n} }

// arm has the disks count towards a crash in the middle of an operation.
func (n *node) arm() {
	hook := func(vfs.Op, string) {
		c := n.crashing
		if c == nil || c.hit {
			return
		}
		if c.left--; c.left > 0 {
			return
		}
		c.hit = true
		c.meta, c.data = n.crashed(n.meta, c.kind), n.crashed(n.data, c.kind)
		panic(cut{c})
	}
	n.meta.SetHook(hook)
	n.data.SetHook(hook)
}

// crashed is what a crash of a kind leaves of a disk.
func (n *node) crashed(disk *vfs.MemFS, kind FaultKind) *vfs.MemFS {
	o := vfs.CrashOptions{}
	switch kind {
	case PowerCutAll:
		o.Unsynced = vfs.LoseUnsynced
	case Kill:
		o.Unsynced = vfs.KeepUnsynced
	}
	return disk.CrashClone(n.w.chance.disk, o)
}

// crashIn lets the process crash in the middle of an operation, so many disk operations from now.
func (n *node) crashIn(ops int, kind FaultKind, down time.Duration) {
	n.crashing = &crashPoint{left: ops, kind: kind, down: down}
}

// crash ends the process between two operations; after down it starts again.
func (n *node) crash(kind FaultKind, down time.Duration) {
	if !n.up {
		return
	}
	n.w.some.hit(kind.String())
	if kind == Kill { // the page cache lives on, unsynced as it is
		n.ended(kind, n.meta, n.data, down)
		return
	}
	n.ended(kind, n.crashed(n.meta, kind), n.crashed(n.data, kind), down)
}

// died is the end of a process in the middle of an operation.
func (n *node) died(c *crashPoint) {
	if !n.up {
		return
	}
	n.w.some.hit(MidCrash.String())
	if n.core == nil {
		n.w.some.hit("crash while starting")
	}
	n.ended(c.kind, c.meta, c.data, c.down)
}

func (n *node) ended(kind FaultKind, meta, data *vfs.MemFS, down time.Duration) {
	n.w.say("note over n%d: down (%s)", n.id, kind)
	n.w.oracle.ended(n, kind)
	n.up, n.serving, n.crashing = false, false, nil
	n.generation++
	for _, l := range n.held {
		n.w.must(l.Close()) // the kernel gives back the locks of a process that is gone
	}
	n.held = nil
	n.core, n.loader, n.control, n.manager, n.groups, n.dir = nil, nil, nil, nil, nil, nil
	n.meta, n.data = meta, data
	for _, p := range n.waiting {
		n.w.some.hit("produce answered after a crash of its node")
		p.connection.lost()
	}
	n.waiting = nil
	n.w.e.After(down, "start", n.id, func() {
		if !n.up && n.w.chance.faults.IntN(8) == 0 && !n.w.healed && n.w.plan.has(MidCrash) {
			n.crashIn(1+n.w.chance.faults.IntN(80), pickFault(n.w.chance.faults), 500*time.Millisecond)
		}
		n.start()
	})
}

func pickFault(rng *rand.Rand) FaultKind { return pick(rng, PowerCut, PowerCutAll, Kill) }

// stop is a clean stop: everything is flushed, the marker comes last.
func (n *node) stop(down time.Duration) {
	n.do(func() {
		n.groups.Close()
		all := len(n.dir.Logs()) >= len(n.dir.Found())
		err := errors.Join(n.core.Close(), n.dir.Close(true, n.epoch))
		if err != nil && !n.diskFault(err) {
			n.w.violate("stop", "node %d does not stop cleanly: %v", n.id, err)
		}
		kind, left := CleanStop, PowerCutAll
		if err != nil {
			kind, left = Kill, Kill
		}
		n.w.some.hit(kind.String())
		if err == nil && !all { // what it never opened it has not flushed either; no marker says that it has
			n.w.some.hit("clean stop before all partitions were open")
			n.ended(kind, n.meta, n.data, down)
			return
		}
		n.ended(kind, n.crashed(n.meta, left), n.crashed(n.data, left), down)
	})
}

// dirFailed reports whether the data directory was offline.
func (n *node) dirFailed() bool { return n.dir != nil && n.dir.Err() != nil }

// diskFault reports whether an error comes from a fault that was injected.
func (n *node) diskFault(err error) bool {
	return isDiskFault(err)
}

// failSync lets the next sync of a file fail on one of the disks.
func (n *node) failSync(meta bool) {
	if !n.up || n.core == nil {
		return
	}
	n.w.some.hit("sync failed")
	rule := &vfs.Rule{Ops: 1<<vfs.OpSync | 1<<vfs.OpSyncData, Nth: 1, Err: vfs.FaultEIO, Once: true}
	n.failures = append(n.failures, rule)
	if meta {
		n.errors.meta.AddRules(rule)
	} else {
		n.errors.data.AddRules(rule)
	}
}

// full lets the data disk run out of room for a while.
func (n *node) full(d time.Duration) {
	if !n.up {
		return
	}
	n.w.some.hit("no space")
	var u vfs.Usage
	n.do(func() {
		var err error
		u, err = n.data.Usage("/")
		n.w.must(err)
	})
	if !n.up {
		return // an operation on the disk may be the one to crash at
	}
	n.data.SetCapacity(u.Total - u.Free + vfs.BlockSize)
	n.w.e.After(d, "room again", n.id, n.room)
}

// room ends a lack of space. A partition that could not be created meanwhile stays offline, so
// somebody starts the process again.
func (n *node) room() {
	n.data.SetCapacity(0)
	if !n.up || n.manager == nil {
		return
	}
	for _, at := range n.w.plan.everything() {
		if p := n.manager.Partition(at.Topic, at.Partition); p != nil && errors.Is(p.Err(), syscall.ENOSPC) {
			n.w.some.hit("restarted for partitions that found no space")
			n.crash(Kill, time.Second)
			return
		}
	}
}
