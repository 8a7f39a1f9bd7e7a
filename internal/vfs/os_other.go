//go:build !linux

package vfs

// fdCalls has nothing to do where os.File can do all.
type fdCalls struct{}

// OpenDirect is OpenReadWrite: there is no portable way past the page cache.
func (o osFS) OpenDirect(name string) (File, error) { return o.OpenReadWrite(name) }

// SyncData is a full Sync: on macOS os.File.Sync is F_FULLFSYNC, the only call there that
// empties the drive's cache; on Windows it is FlushFileBuffers.
func (f *osFile) SyncData() error { return f.f.Sync() }

// WriteOut does nothing: there is no portable way to start a write without waiting for it.
func (f *osFile) WriteOut(off, n int64) error { return nil }

// Preallocate does nothing, likewise.
func (f *osFile) Preallocate(off, n int64) error { return nil }
