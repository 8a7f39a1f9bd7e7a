package network

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/thalweg-io/thalweg/internal/invariants"
)

// Size classes of pooled buffers: powers of two from 4 KiB to 8 MiB.
const (
	minClassBits = 12
	maxClassBits = 23
	classes      = maxClassBits - minClassBits + 1
	maxPooled    = 1 << maxClassBits
)

// buffer is memory with a reference count. The count starts at one, for whoever got it.
type buffer struct {
	data  []byte // len is the size of its class
	class int    // -1: larger than all classes, not pooled
	pool  *pool
	refs  atomic.Int32
}

func (b *buffer) retain() { b.refs.Add(1) }

// release gives one reference back; after the last one nobody may look at data any more.
func (b *buffer) release() {
	switch n := b.refs.Add(-1); {
	case n < 0:
		panic("BUG: buffer released more often than retained")
	case n == 0:
		invariants.Poison(b.data)
		b.pool.put(b)
	}
}

// pool keeps released buffers for reuse, the last one first (its memory is warm). It is shared by
// all connections of a server. What it retains is bounded; the rest goes to the collector.
type pool struct {
	maxRetained int64
	retained    atomic.Int64
	classes     [classes]struct {
		mu   sync.Mutex
		free []*buffer
	}
}

// get returns a buffer of at least size bytes, with one reference. Its contents are arbitrary.
func (p *pool) get(size int) *buffer {
	class := max(bits.Len(uint(size-1))-minClassBits, 0)
	if class >= classes {
		b := &buffer{data: make([]byte, size), class: -1, pool: p}
		b.refs.Store(1)
		return b
	}
	if b := p.pop(class); b != nil {
		b.refs.Store(1)
		return b
	}
	b := &buffer{data: make([]byte, 1<<(class+minClassBits)), class: class, pool: p}
	b.refs.Store(1)
	return b
}

func (p *pool) pop(class int) *buffer {
	c := &p.classes[class]
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.free)
	if n == 0 {
		return nil
	}
	b := c.free[n-1]
	c.free[n-1] = nil
	c.free = c.free[:n-1]
	p.retained.Add(-int64(len(b.data)))
	return b
}

func (p *pool) put(b *buffer) {
	if b.class < 0 {
		return
	}
	size := int64(len(b.data))
	if p.retained.Add(size) > p.maxRetained {
		p.retained.Add(-size)
		return
	}
	c := &p.classes[b.class]
	c.mu.Lock()
	c.free = append(c.free, b)
	c.mu.Unlock()
}
