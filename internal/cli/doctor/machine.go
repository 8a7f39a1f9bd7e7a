package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Machine is what is measured.
type Machine interface {
	// Exists reports whether a directory exists; an error says that it is none, or cannot be looked at.
	Exists(dir string) (bool, error)
	// Space is how much of the file system is free for this user, and its size, in bytes.
	Space(dir string) (free, size uint64, err error)
	// Write writes n bytes into a file in dir and flushes them, and says how long that took.
	Write(dir string, n int64) (time.Duration, error)
	// Sync appends a small block to a file in dir and flushes it, times over, and says how long each took.
	Sync(dir string, times int) ([]time.Duration, error)
	// OpenFiles is how many files a process may have open; ok is false where there is no limit.
	OpenFiles() (limit uint64, ok bool)
	// Synchronised reports whether something keeps the clock right; known is false where that cannot be told.
	Synchronised() (yes, known bool)
	Now() time.Time
	// Newest is when the newest file directly in a directory was changed; zero if there is none.
	Newest(dir string) time.Time
}

// Here is this machine.
func Here() Machine { return machine{} }

type machine struct{}

func (machine) Now() time.Time { return time.Now() }

func (machine) Exists(dir string) (bool, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, errors.New("it is not a directory")
	}
	return true, nil
}

// scratch makes a file in dir that is gone afterwards. Its name is one that a broker passes over.
func scratch(dir string, f func(*os.File) error) error {
	file, err := os.CreateTemp(dir, ".thalweg-doctor-*")
	if err != nil {
		return err
	}
	err = f(file)
	return errors.Join(err, file.Close(), os.Remove(file.Name()))
}

func (machine) Write(dir string, n int64) (took time.Duration, err error) {
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7)
	}
	err = scratch(dir, func(f *os.File) error {
		begun := time.Now()
		for left := n; left > 0; {
			w, err := f.Write(block[:min(left, int64(len(block)))])
			if err != nil {
				return err
			}
			left -= int64(w)
		}
		err := f.Sync()
		took = time.Since(begun)
		return err
	})
	return took, err
}

func (machine) Sync(dir string, times int) (each []time.Duration, err error) {
	block := make([]byte, 4096)
	err = scratch(dir, func(f *os.File) error {
		for range times {
			if _, err := f.Write(block); err != nil {
				return err
			}
			begun := time.Now()
			if err := f.Sync(); err != nil {
				return err
			}
			each = append(each, time.Since(begun))
		}
		return nil
	})
	slices.Sort(each)
	return each, err
}

func (machine) Newest(dir string) (newest time.Time) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return newest
	}
	for _, path := range files {
		if info, err := os.Stat(path); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}
