package quorum

import (
	"fmt"
)

// Snapshot names a state of the Machine that stands for all entries up to Index. The core keeps the
// reference; the file is the Machine's.
type Snapshot struct {
	Index  uint64
	Term   uint64
	Offset int64  // of the first record after it
	Ref    []byte // non-empty
}

// Snapshot is the one that the log begins after; ok is false if the log begins at its beginning.
func (c *Core) Snapshot() (s Snapshot, ok bool) {
	f := c.log.floor()
	return Snapshot{Index: f.index, Term: f.term, Offset: f.offset, Ref: f.ref}, f.index > 0
}

// Compact makes index, which must be applied, the floor: entries up to it are never read again and
// ref, the durable snapshot of the Machine at index, takes their place. The floor, its term and its
// configuration are durable when Compact returns; segments wholly below it are deleted then. Errors: ErrCompacted if index is not above the floor, not applied, or older than an
// applied membership entry (then take a younger one); syscall.ENOSPC (wrapped) if there was no room, and nothing happened.
func (c *Core) Compact(index uint64, ref []byte) error {
	old := c.log.floor().index
	switch {
	case c.err != nil:
		return c.err
	case index <= old || index > c.applied.index || len(ref) == 0:
		return fmt.Errorf("%w: entry %d with floor %d, applied %d", ErrCompacted, index, old, c.applied.index)
	case c.log.memberBetween(index, c.applied.index):
		return fmt.Errorf("%w: membership changed between entry %d and %d", ErrCompacted, index, c.applied.index)
	}
	term, err := c.log.Term(index)
	if err != nil {
		return c.fail(err)
	}
	conf, err := marshalConf(c.conf)
	if err != nil {
		return c.fail(err)
	}
	st := c.state.saved
	st.floor = floor{index: index, term: term, offset: c.log.offset(index + 1), conf: conf, ref: ref}
	st.hard.commit = max(st.hard.commit, index)
	if err := c.state.save(st); noRoom(err) {
		return err
	} else if err != nil {
		return c.fail(err)
	}
	c.log.compactTo(old, index)
	if err := c.log.log.SetLogStartOffset(st.floor.offset); noRoom(err) {
		return nil // they go the next time
	} else if err != nil {
		return c.fail(fmt.Errorf("delete metadata segments below %d: %w", st.floor.offset, err))
	}
	return nil
}
