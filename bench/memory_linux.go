package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// warmPiece is how much memory is mapped at a time.
const warmPiece = 256 << 20

// warm touches so many bytes of memory and gives them back, so that the kernel has pages at hand that the host of this
// machine backs. It lasts for a second or two.
func warm(bytes int64) error {
	var held [][]byte
	defer func() {
		for _, m := range held {
			_ = unix.Munmap(m) // it was mapped: nothing can go wrong
		}
	}()
	for ; bytes > 0; bytes -= warmPiece {
		m, err := unix.Mmap(-1, 0, int(min(bytes, warmPiece)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_POPULATE)
		if err != nil {
			return fmt.Errorf("touch memory: %w", err)
		}
		held = append(held, m)
	}
	return nil
}

// forget writes the files of a directory to the disk and takes them out of the page cache, as far as nobody holds their pages.
func forget(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		err = unix.Fdatasync(int(f.Fd()))
		if err == nil {
			err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("forget %s: %w", f.Name(), err)
		}
	}
	return nil
}
