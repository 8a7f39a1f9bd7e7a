package vfs

import (
	"io"
	"io/fs"
)

// errorFile is an open file of an ErrorFS.
type errorFile struct {
	fs    *ErrorFS
	below File
	name  string
	unit  int // what a short read or write is a multiple of
}

// describedFile also shows the descriptor of the file below.
type describedFile struct {
	*errorFile
	Descriptor
}

// syncFailer is a file that can drop its dirty state as a failed fsync does.
type syncFailer interface{ failSync() }

func (f *errorFile) ReadAt(p []byte, off int64) (int, error) {
	s := f.fs.before(OpRead, f.name, "")
	n, err := s.move(p, off, f.unit, f.below.ReadAt)
	f.fs.readBytes.Add(int64(n))
	return n, f.named(OpRead, s, err)
}

func (f *errorFile) WriteAt(p []byte, off int64) (int, error) {
	s := f.fs.before(OpWrite, f.name, "")
	n, err := s.move(p, off, f.unit, f.below.WriteAt)
	f.fs.writeBytes.Add(int64(n))
	return n, f.named(OpWrite, s, err)
}

// move runs a read or write as far as the strike lets it. A nil error with a strike means that
// the strike decides.
func (s strike) move(p []byte, off int64, unit int, run func([]byte, int64) (int, error)) (int, error) {
	switch {
	case s.err == nil || s.after:
		return run(p, off)
	case s.short && len(p) > unit:
		return run(p[:len(p)/2/unit*unit], off)
	}
	return 0, nil
}

// named is the error of an operation: its own, else the strike's.
func (f *errorFile) named(op Op, s strike, err error) error {
	if s.err != nil && (err == nil || err == io.EOF) {
		return &fs.PathError{Op: op.String(), Path: f.name, Err: s.err}
	}
	return err
}

func (f *errorFile) Size() (size int64, err error) {
	err = f.fs.do(OpStat, f.name, "", func() (err error) {
		size, err = f.below.Size()
		return err
	})
	if err != nil {
		return 0, err
	}
	return size, nil
}

func (f *errorFile) Truncate(size int64) error {
	return f.fs.do(OpTruncate, f.name, "", func() error { return f.below.Truncate(size) })
}

func (f *errorFile) Sync() error { return f.sync(OpSync, f.below.Sync) }

func (f *errorFile) SyncData() error { return f.sync(OpSyncData, f.below.SyncData) }

func (f *errorFile) sync(op Op, run func() error) error {
	s := f.fs.before(op, f.name, "")
	if s.err == nil {
		return run()
	}
	if s.after {
		if err := run(); err != nil {
			return err
		}
	} else if below, ok := f.below.(syncFailer); ok {
		below.failSync()
	}
	return f.named(op, s, nil)
}

// failSync lets wrappers be stacked.
func (f *errorFile) failSync() {
	if below, ok := f.below.(syncFailer); ok {
		below.failSync()
	}
}

func (f *errorFile) WriteOut(off, n int64) error {
	return f.fs.do(OpWriteOut, f.name, "", func() error { return f.below.WriteOut(off, n) })
}

func (f *errorFile) Preallocate(off, n int64) error {
	return f.fs.do(OpPreallocate, f.name, "", func() error { return f.below.Preallocate(off, n) })
}

func (f *errorFile) Close() error {
	s := f.fs.before(OpClose, f.name, "")
	return f.named(OpClose, s, f.below.Close())
}
