package group

import "sync"

// gather waits for the answers about several groups, from any goroutines, and then calls done once.
type gather struct {
	mu   sync.Mutex
	left int
	done func()
}

// newGather waits for n answers; with none done is called at once.
func newGather(n int, done func()) *gather {
	g := &gather{left: n, done: done}
	if n == 0 {
		done()
	}
	return g
}

// put takes one answer in: store writes it down, while no other does.
func (g *gather) put(store func()) {
	g.mu.Lock()
	store()
	g.left--
	last := g.left == 0
	g.mu.Unlock()
	if last {
		g.done()
	}
}
