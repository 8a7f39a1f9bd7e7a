package vfs

import (
	"io"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrorFS passes operations on to another file system, counts them, and makes some of them fail
// or wait as its rules say. Every rule sees every operation and counts its own matches; the
// latencies of those that fire add up, and the first error wins. Safe for concurrent use.
//
// A sync that it makes fail on a MemFS below also drops the unsynced data there, as Linux does.
// Failing a Close still closes.
type ErrorFS struct {
	below       FS
	descriptors bool
	rules       atomic.Pointer[[]*Rule]
	sleep       atomic.Pointer[func(time.Duration)]
	mu          sync.Mutex // of those who replace rules
	counts      [NumOps]atomic.Int64
	readBytes   atomic.Int64
	writeBytes  atomic.Int64
}

var _ FS = (*ErrorFS)(nil)

// WithErrors wraps a file system. The files have no Descriptor, so that every read passes the
// rules. The slice is not kept; a rule counts for one file system at a time.
func WithErrors(below FS, rules ...*Rule) *ErrorFS {
	e := &ErrorFS{below: below}
	e.SetRules(rules...)
	e.SetSleep(time.Sleep)
	return e
}

// WithCounts wraps a file system to count operations and bytes, for measurements that noise
// cannot touch. Files keep the Descriptor of the ones below, so bytes that go from a descriptor
// to a socket are not counted.
func WithCounts(below FS) *ErrorFS {
	e := WithErrors(below)
	e.descriptors = true
	return e
}

// SetSleep gives the function that waits out latencies; the default is time.Sleep.
func (e *ErrorFS) SetSleep(sleep func(time.Duration)) { e.sleep.Store(&sleep) }

// SetRules replaces all rules.
func (e *ErrorFS) SetRules(rules ...*Rule) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rules = slices.Clone(rules)
	e.rules.Store(&rules)
}

// AddRules appends rules.
func (e *ErrorFS) AddRules(rules ...*Rule) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := slices.Concat(*e.rules.Load(), rules)
	e.rules.Store(&all)
}

// RemoveRule takes a rule away and tells whether it was there.
func (e *ErrorFS) RemoveRule(rule *Rule) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := *e.rules.Load()
	i := slices.Index(old, rule)
	if i < 0 {
		return false
	}
	all := slices.Delete(slices.Clone(old), i, i+1)
	e.rules.Store(&all)
	return true
}

// Rules returns the rules in force.
func (e *ErrorFS) Rules() []*Rule { return slices.Clone(*e.rules.Load()) }

// Counts is what passed, failed operations included; bytes are those really moved.
type Counts struct {
	Ops        [NumOps]int64 // by Op
	ReadBytes  int64
	WriteBytes int64
}

// Total is the number of operations of a set.
func (c Counts) Total(set OpSet) (n int64) {
	for op := range NumOps {
		if set.Has(Op(op)) {
			n += c.Ops[op]
		}
	}
	return n
}

// Sub is what was added since an earlier reading.
func (c Counts) Sub(earlier Counts) Counts {
	for i := range c.Ops {
		c.Ops[i] -= earlier.Ops[i]
	}
	c.ReadBytes -= earlier.ReadBytes
	c.WriteBytes -= earlier.WriteBytes
	return c
}

// Counts reads the counters, which start at 0 and never go back.
func (e *ErrorFS) Counts() (c Counts) {
	for i := range c.Ops {
		c.Ops[i] = e.counts[i].Load()
	}
	c.ReadBytes, c.WriteBytes = e.readBytes.Load(), e.writeBytes.Load()
	return c
}

// strike is what the rules do to one operation.
type strike struct {
	err          error // nil: nothing
	short, after bool
}

// before counts an operation, waits out latencies and returns the strike.
func (e *ErrorFS) before(op Op, path, to string) (s strike) {
	e.counts[op].Add(1)
	rules := *e.rules.Load()
	if len(rules) == 0 {
		return s
	}
	if path = cleanName(path); to != "" {
		to = cleanName(to)
	}
	var wait time.Duration
	for _, r := range rules {
		if !r.fires(op, path, to) {
			continue
		}
		wait += r.Latency
		if s.err == nil && r.Err != NoFault {
			s = strike{err: faults[r.Err].err, short: r.Short || r.Err == FaultShort, after: r.After}
		}
	}
	if wait > 0 {
		(*e.sleep.Load())(wait)
	}
	return s
}

// do runs an operation under the rules.
func (e *ErrorFS) do(op Op, path, to string, run func() error) error {
	s := e.before(op, path, to)
	if s.err == nil {
		return run()
	}
	if s.after {
		if err := run(); err != nil {
			return err
		}
	}
	return &fs.PathError{Op: op.String(), Path: path, Err: s.err}
}

// open runs an operation that gives a file, which is read and written by units. A strike after it closes the file again.
func (e *ErrorFS) open(op Op, name string, run func(string) (File, error), unit int) (File, error) {
	var f File
	err := e.do(op, name, "", func() (err error) {
		f, err = run(name)
		return err
	})
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	wrapped := &errorFile{fs: e, below: f, name: name, unit: unit}
	if d, ok := f.(Descriptor); ok && e.descriptors {
		return &describedFile{errorFile: wrapped, Descriptor: d}, nil
	}
	return wrapped, nil
}

// Create is under "create".
func (e *ErrorFS) Create(name string) (File, error) { return e.open(OpCreate, name, e.below.Create, 1) }

// Open is under "open".
func (e *ErrorFS) Open(name string) (File, error) { return e.open(OpOpen, name, e.below.Open, 1) }

// OpenReadWrite is under "openrw".
func (e *ErrorFS) OpenReadWrite(name string) (File, error) {
	return e.open(OpOpenReadWrite, name, e.below.OpenReadWrite, 1)
}

// OpenDirect is under "openrw".
func (e *ErrorFS) OpenDirect(name string) (File, error) {
	return e.open(OpOpenReadWrite, name, e.below.OpenDirect, BlockSize)
}

// MkdirAll is under "mkdir".
func (e *ErrorFS) MkdirAll(name string) error {
	return e.do(OpMkdir, name, "", func() error { return e.below.MkdirAll(name) })
}

// List is under "list".
func (e *ErrorFS) List(name string) (names []string, err error) {
	err = e.do(OpList, name, "", func() (err error) {
		names, err = e.below.List(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

// Stat is under "stat".
func (e *ErrorFS) Stat(name string) (info Info, err error) {
	err = e.do(OpStat, name, "", func() (err error) {
		info, err = e.below.Stat(name)
		return err
	})
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

// Rename is under "rename", with both names.
func (e *ErrorFS) Rename(from, to string) error {
	return e.do(OpRename, from, to, func() error { return e.below.Rename(from, to) })
}

// Remove is under "remove".
func (e *ErrorFS) Remove(name string) error {
	return e.do(OpRemove, name, "", func() error { return e.below.Remove(name) })
}

// SyncDir is under "syncdir".
func (e *ErrorFS) SyncDir(name string) error {
	return e.do(OpSyncDir, name, "", func() error { return e.below.SyncDir(name) })
}

// Lock is under "lock".
func (e *ErrorFS) Lock(name string) (lock io.Closer, err error) {
	err = e.do(OpLock, name, "", func() (err error) {
		lock, err = e.below.Lock(name)
		return err
	})
	if err != nil {
		if lock != nil {
			lock.Close()
		}
		return nil, err
	}
	return lock, nil
}

// Usage is under "usage".
func (e *ErrorFS) Usage(name string) (u Usage, err error) {
	err = e.do(OpUsage, name, "", func() (err error) {
		u, err = e.below.Usage(name)
		return err
	})
	if err != nil {
		return Usage{}, err
	}
	return u, nil
}
