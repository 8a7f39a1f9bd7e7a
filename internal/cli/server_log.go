package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Bounds of server.log: 11 files of 64 MiB.
const (
	serverLogBytes = 64 << 20
	serverLogKept  = 10
)

// rotatingFile is a log that begins anew when it has become too large: server.log, and before it
// server.log.1 (newer) to server.log.10 (older). A write is never split over two files.
type rotatingFile struct {
	path     string
	maxBytes int64
	kept     int
	mu       struct {
		sync.Mutex
		file *os.File
		size int64
	}
}

// openServerLog opens dir/server.log for appending, and makes dir if there is none.
func openServerLog(dir string) (*rotatingFile, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r := &rotatingFile{path: filepath.Join(dir, "server.log"), maxBytes: serverLogBytes, kept: serverLogKept}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r, r.openLocked()
}

func (r *rotatingFile) openLocked() error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	r.mu.file, r.mu.size = f, info.Size()
	return nil
}

// Write appends p, in a new file if the present one would become too large.
func (r *rotatingFile) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.size > 0 && r.mu.size+int64(len(p)) > r.maxBytes {
		if err := r.rotateLocked(); err != nil {
			return 0, err
		}
	}
	n, err := r.mu.file.Write(p)
	r.mu.size += int64(n)
	return n, err
}

// rotateLocked moves every file up by one; the oldest falls off.
func (r *rotatingFile) rotateLocked() error {
	if err := r.mu.file.Close(); err != nil {
		return err
	}
	for i := r.kept; i > 0; i-- {
		from := r.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", r.path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", r.path, i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return r.openLocked()
}

// Close ends the log.
func (r *rotatingFile) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.file.Close()
}
