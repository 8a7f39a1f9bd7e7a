package powercut

import (
	"sync"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// gate is passed by every operation on its way in and on its way out. While it is frozen
// operations wait in it; when it is broken they are refused with EIO, as nobody is to see their
// outcome.
type gate struct {
	mu      sync.Mutex
	changed sync.Cond // of mu
	inside  int       // operations between enter and leave that do not wait
	frozen  bool
	broken  bool
	trap    trap
}

// trap freezes the gate at the n-th operation of a set.
type trap struct {
	ops    vfs.OpSet
	left   int // 0: not set
	after  bool
	sprung chan struct{} // closed when it has frozen the gate
}

func newGate() *gate {
	g := &gate{}
	g.changed.L = &g.mu
	return g
}

// enter begins an operation.
func (g *gate) enter(op vfs.Op) syscall.Errno {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.trap.after {
		g.spring(op)
	}
	for g.frozen && !g.broken {
		g.changed.Wait()
	}
	if g.broken {
		return syscall.EIO
	}
	g.inside++
	return 0
}

// leave ends an operation; while the gate is frozen its outcome stays unknown.
func (g *gate) leave(op vfs.Op) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.trap.after {
		g.spring(op)
	}
	g.changed.Broadcast()
	for g.frozen && !g.broken {
		g.changed.Wait()
	}
}

// spring counts an operation for the trap. The caller holds mu.
func (g *gate) spring(op vfs.Op) {
	if g.trap.left == 0 || !g.trap.ops.Has(op) {
		return
	}
	if g.trap.left--; g.trap.left == 0 {
		g.frozen = true
		close(g.trap.sprung)
	}
}

// set sets a trap; the channel is closed when it springs. A trap that was set before is gone.
func (g *gate) set(ops vfs.OpSet, n int, after bool) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trap = trap{ops: ops, left: max(n, 1), after: after, sprung: make(chan struct{})}
	return g.trap.sprung
}

// freeze returns when no operation runs any more.
func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.frozen = true
	g.trap.left = 0
	for g.inside > 0 {
		g.changed.Wait()
	}
}

// breakDown refuses what waits and what is yet to come.
func (g *gate) breakDown() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken = true
	g.changed.Broadcast()
}
