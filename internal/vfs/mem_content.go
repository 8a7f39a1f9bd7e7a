package vfs

import "io"

// What a crash tears is bounded by these: the page that the kernel writes out as one, and the
// sector that a device writes whole or not at all.
const (
	BlockSize  = 4096
	SectorSize = 512

	sectorsPerBlock = BlockSize / SectorSize
)

type block [BlockSize]byte

// content is the bytes of a file: as programs see them and as they are surely on the disk.
// Blocks are copied before the first write after a sync, so a block with live == synced is never
// changed in place and may be shared with crash clones.
type content struct {
	slots      []slot // may reach past size after a truncation, until the next sync
	size       int64
	syncedSize int64
	dirty      []int // indexes of slots with the dirty flag
	held       int64 // live blocks that are not nil
	// Lengths since the last sync, oldest overwritten first: the kernel may have written any.
	lengths  [16]int64
	nlengths int
}

// slot is one block; nil is zeros.
type slot struct {
	live, synced *block
	// whole has a bit for each sector that one write or truncation since the last sync covered
	// completely. Only those may come out of a crash as zeros: bytes that were synced and not
	// written since are never lost, though their sector is written again.
	whole uint8
	dirty bool
	// lost says that a failed sync has dropped the dirty state: only a new write brings the
	// block to the disk.
	lost bool
}

// readAt follows io.ReaderAt.
func (c *content) readAt(p []byte, off int64) (n int, err error) {
	if off >= c.size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if rest := c.size - off; int64(len(p)) > rest {
		p, err = p[:rest], io.EOF
	}
	for n < len(p) {
		i, at := int(off/BlockSize), int(off%BlockSize)
		part := p[n:min(len(p), n+BlockSize-at)]
		if i < len(c.slots) && c.slots[i].live != nil {
			copy(part, c.slots[i].live[at:])
		} else {
			clear(part)
		}
		n += len(part)
		off += int64(len(part))
	}
	return n, err
}

// writeAt writes until the end of p or of the space.
func (c *content) writeAt(p []byte, off int64, sp *space) (n int, err error) {
	for n < len(p) {
		i, at := int(off/BlockSize), int(off%BlockSize)
		b, err := c.writable(i, sp)
		if err != nil {
			return n, err
		}
		k := copy(b[at:], p[n:])
		c.slots[i].whole |= wholeSectors(at, at+k)
		n += k
		off += int64(k)
		if off > c.size {
			c.resize(off)
		}
	}
	return n, nil
}

// wholeSectors is the set of sectors inside bytes [from, to) of a block.
func wholeSectors(from, to int) uint8 {
	first, end := (from+SectorSize-1)/SectorSize, to/SectorSize
	if first >= end {
		return 0
	}
	return uint8(1<<end-1) &^ uint8(1<<first-1)
}

// writable returns block i, dirty and owned by this file alone.
func (c *content) writable(i int, sp *space) (*block, error) {
	for len(c.slots) <= i {
		c.slots = append(c.slots, slot{})
	}
	s := &c.slots[i]
	switch {
	case s.live == nil:
		if err := sp.take(); err != nil {
			return nil, err
		}
		c.held++
		s.live = new(block)
	case s.live == s.synced:
		fresh := *s.live
		s.live = &fresh
	}
	c.markDirty(i)
	return s.live, nil
}

func (c *content) markDirty(i int) {
	s := &c.slots[i]
	s.lost = false
	if !s.dirty {
		s.dirty = true
		c.dirty = append(c.dirty, i)
	}
}

func (c *content) resize(size int64) {
	c.lengths[c.nlengths%len(c.lengths)] = c.size
	c.nlengths++
	c.size = size
}

func blocksOf(size int64) int { return int((size + BlockSize - 1) / BlockSize) }

func (c *content) truncate(size int64, sp *space) error {
	if size == c.size {
		return nil
	}
	if size < c.size {
		if at := int(size % BlockSize); at != 0 {
			if i := int(size / BlockSize); i < len(c.slots) && c.slots[i].live != nil {
				b, err := c.writable(i, sp)
				if err != nil {
					return err
				}
				clear(b[at:])
				c.slots[i].whole |= wholeSectors(at, BlockSize)
			}
		}
		for i := blocksOf(size); i < len(c.slots); i++ {
			if s := &c.slots[i]; s.live != nil {
				s.live = nil
				s.whole = 1<<sectorsPerBlock - 1
				c.held--
				sp.give(1)
				c.markDirty(i)
			}
		}
	}
	c.resize(size)
	return nil
}

// sync makes everything durable except what an earlier failed sync has dropped.
func (c *content) sync() {
	n := blocksOf(c.size)
	lost := c.dirty[:0]
	for _, i := range c.dirty {
		s := &c.slots[i]
		if s.lost && i < n {
			lost = append(lost, i)
			continue
		}
		*s = slot{live: s.live, synced: s.live}
	}
	c.dirty = lost
	c.syncedSize, c.nlengths = c.size, 0
	if n < len(c.slots) {
		clear(c.slots[n:])
		c.slots = c.slots[:n]
	}
}

// failSync is what Linux does to pages whose write-out failed: they count as clean, hold what
// programs wrote, and are not on the disk. The next sync succeeds without them.
func (c *content) failSync() {
	for _, i := range c.dirty {
		c.slots[i].lost = !plantedSyncRetry
	}
}
