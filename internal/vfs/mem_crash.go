package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Unsynced says what a crash does to state that was not made durable.
type Unsynced uint8

const (
	// DrawUnsynced decides block by block and entry by entry.
	DrawUnsynced Unsynced = iota
	// LoseUnsynced loses all of it: the disk as of the last syncs.
	LoseUnsynced
	// KeepUnsynced keeps all of it: the process died, the machine did not. Only what a failed
	// sync has dropped is gone.
	KeepUnsynced
)

// CrashOptions tells how CrashClone decides. The zero value draws the weights of blocks anew for
// each file and those of entries for each clone, from "all lost" to "all kept", so that a few
// hundred clones see the extremes as well as the mixtures.
type CrashOptions struct {
	Unsynced Unsynced
	// Blocks are the weights of the fates of an unsynced block, and, by Keep and Drop, of an
	// unsynced length; what is left there is a length in between. All 0: drawn.
	Blocks BlockWeights
	// Entries are the weights of the fates of a change of a directory. All 0: drawn.
	Entries EntryWeights
}

// BlockWeights are relative, at least 0.
type BlockWeights struct {
	Keep int // as written
	Drop int // as last synced; zeros if it is new
	Zero int // zeros where it was written since the last sync, by whole sectors
	Tear int // the first or the last 1 to 7 sectors as written, the rest as last synced
}

// EntryWeights are relative, at least 0.
type EntryWeights struct {
	Keep, Lose int
}

var (
	blockMoods = []BlockWeights{{Keep: 1}, {Drop: 1}, {Keep: 8, Drop: 1, Tear: 1}, {1, 1, 1, 1}, {Keep: 1, Drop: 8, Zero: 1}, {Keep: 1, Tear: 1}}
	entryMoods = []EntryWeights{{1, 0}, {0, 1}, {1, 1}, {3, 1}, {1, 3}}
)

// CrashClone returns what the disk could hold if the power failed now: a file system of its own
// in which everything is durable, nothing is open or locked and the clock, hook and capacity are
// not set. The original goes on. All randomness comes from rng, and the same state with the same
// random numbers gives the same clone; rng may be nil unless Unsynced is DrawUnsynced.
//
// What was synced and not written since is always there. Of the rest: a file's length may be the
// old one, the present one or one in between, whatever its data; each 4 KiB block meets its own
// fate; each change of a directory is there whole or not at all, in order for one name or file.
// A file whose name was never made durable may vanish with all its synced data; so may a
// directory.
func (m *MemFS) CrashClone(rng *rand.Rand, o CrashOptions) *MemFS {
	if plantedCrashKeepsAll {
		o.Unsynced = KeepUnsynced
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crash{from: m, to: NewMem(), rng: rng, o: o, dirs: map[*memNode]map[string]*memNode{}}
	c.drawNames()
	c.to.ticks.Store(m.ticks.Load())
	c.copyDir(m.root, c.to.root)
	return c.to
}

// crash is the making of one clone.
type crash struct {
	from, to *MemFS
	rng      *rand.Rand
	o        CrashOptions
	dirs     map[*memNode]map[string]*memNode // directories that differ from their synced entries
}

func (c *crash) drawNames() {
	ops := c.from.pending
	chosen := make([]bool, len(ops))
	w := c.o.Entries
	if w == (EntryWeights{}) && c.o.Unsynced == DrawUnsynced {
		w = entryMoods[c.rng.IntN(len(entryMoods))]
	}
	for i := range ops {
		switch c.o.Unsynced {
		case DrawUnsynced:
			chosen[i] = c.rng.IntN(w.Keep+w.Lose) < w.Keep
		case KeepUnsynced:
			chosen[i] = true
		}
	}
	withNeeds(ops, chosen)
	for i, op := range ops {
		if chosen[i] {
			op.apply(c.entries)
		}
	}
}

// entries returns the crashed entries of a directory for changing.
func (c *crash) entries(dir *memNode) map[string]*memNode {
	if c.dirs[dir] == nil {
		c.dirs[dir] = maps.Clone(dir.synced)
	}
	return c.dirs[dir]
}

// copyDir fills a new directory, in name order so that rng is used in the same order each time.
func (c *crash) copyDir(from, to *memNode) {
	entries := from.synced
	if changed := c.dirs[from]; changed != nil {
		entries = changed
	}
	to.modTime.Store(from.modTime.Load())
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		old := entries[name]
		n := newMemNode(old.dir)
		n.above = to
		to.entries[name], to.synced[name] = n, n
		if old.dir {
			c.copyDir(old, n)
			continue
		}
		n.modTime.Store(old.modTime.Load())
		n.data = c.crashContent(&old.data)
		c.to.space.used.Add(n.data.held)
	}
}

func (c *crash) crashContent(old *content) content {
	w := c.o.Blocks
	if w == (BlockWeights{}) && c.o.Unsynced == DrawUnsynced {
		w = blockMoods[c.rng.IntN(len(blockMoods))]
	}
	size := c.crashSize(old, w)
	data := content{size: size, syncedSize: size, slots: make([]slot, blocksOf(size))}
	for i := range data.slots {
		if i >= len(old.slots) {
			break
		}
		b := old.slots[i].synced
		if old.slots[i].dirty {
			b = c.crashBlock(&old.slots[i], w)
		}
		if end := size - int64(i)*BlockSize; end < BlockSize {
			b = zeroTail(b, int(end))
		}
		data.slots[i] = slot{live: b, synced: b}
		if b != nil {
			data.held++
		}
	}
	return data
}

// crashSize draws a length: Keep is the present one, Drop the synced one, the rest something in
// between: a length that was written in between, or a whole number of blocks.
func (c *crash) crashSize(old *content, w BlockWeights) int64 {
	switch {
	case old.nlengths == 0 || c.o.Unsynced == KeepUnsynced:
		return old.size
	case c.o.Unsynced == LoseUnsynced:
		return old.syncedSize
	}
	switch k := c.rng.IntN(w.Keep + w.Drop + w.Zero + w.Tear); {
	case k < w.Keep:
		return old.size
	case k < w.Keep+w.Drop:
		return old.syncedSize
	}
	low, high := min(old.size, old.syncedSize), max(old.size, old.syncedSize)
	if blocks := (high - 1) / BlockSize * BlockSize; blocks > low && c.rng.IntN(2) == 0 {
		first := low/BlockSize + 1
		return (first + c.rng.Int64N(blocks/BlockSize-first+1)) * BlockSize
	}
	return old.lengths[c.rng.IntN(min(old.nlengths, len(old.lengths)))]
}

// crashBlock draws what became of a dirty block. The result is never changed afterwards.
func (c *crash) crashBlock(s *slot, w BlockWeights) *block {
	switch {
	case c.o.Unsynced == LoseUnsynced, c.o.Unsynced == KeepUnsynced && s.lost:
		return s.synced
	case c.o.Unsynced == KeepUnsynced:
		return mixed(s, 1<<sectorsPerBlock-1, 0)
	case s.lost && c.rng.IntN(2) == 0:
		return s.synced
	}
	switch k := c.rng.IntN(w.Keep + w.Drop + w.Zero + w.Tear); {
	case k < w.Keep:
		return mixed(s, 1<<sectorsPerBlock-1, 0)
	case k < w.Keep+w.Drop:
		return s.synced
	case k < w.Keep+w.Drop+w.Zero:
		return mixed(s, 0, s.whole)
	default:
		prefix := uint8(1)<<(1+c.rng.IntN(sectorsPerBlock-1)) - 1
		if c.rng.IntN(2) == 0 {
			return mixed(s, ^prefix, 0)
		}
		return mixed(s, prefix, 0)
	}
}

// mixed builds a block: the sectors in written as programs see them, those in zeroed as zeros,
// the others as last synced.
func mixed(s *slot, written, zeroed uint8) *block {
	var b block
	if s.synced != nil {
		b = *s.synced
	}
	for i := range sectorsPerBlock {
		sector := b[i*SectorSize : (i+1)*SectorSize]
		switch bit := uint8(1) << i; {
		case zeroed&bit != 0, written&bit != 0 && s.live == nil:
			clear(sector)
		case written&bit != 0:
			copy(sector, s.live[i*SectorSize:])
		}
	}
	if b == (block{}) {
		return nil
	}
	return &b
}

// zeroTail returns b with zeros from end on, copied if that changes it.
func zeroTail(b *block, end int) *block {
	if b == nil {
		return nil
	}
	for _, x := range b[end:] {
		if x != 0 {
			short := *b
			clear(short[end:])
			return &short
		}
	}
	return b
}
