package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// maxSmallFile bounds the files that are read whole: checkpoints, metadata, indexes.
const maxSmallFile = 256 << 20

// readFile reads a whole small file. Errors wrap io/fs sentinels.
func readFile(v vfs.FS, name string) ([]byte, error) {
	f, err := v.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := f.Size()
	if err != nil {
		return nil, err
	}
	if n > maxSmallFile {
		return nil, fmt.Errorf("%s is %d bytes long, at most %d are read", name, n, maxSmallFile)
	}
	b := make([]byte, n)
	if n == 0 {
		return b, nil
	}
	if m, err := f.ReadAt(b, 0); err != nil && !(err == io.EOF && m == len(b)) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return b, nil
}

// replaceFile writes name.tmp, syncs it and renames it over name: readers and a crash see the old
// content or the new. Lack of room leaves the old one: errNoRoom. The name is durable after SyncDir of its directory.
func replaceFile(v vfs.FS, name string, content []byte) error {
	tmp := name + extTemp
	f, err := v.Create(tmp)
	if err != nil {
		return noRoomFor(err)
	}
	if len(content) > 0 {
		_, err = f.WriteAt(content, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = v.Rename(tmp, name)
	}
	if errors.Is(err, syscall.ENOSPC) && !plantedNoRoomFatal {
		v.Remove(tmp) // if it cannot be, it is removed at the next open
		return fmt.Errorf("write %s: %w: %w", name, errNoRoom, err)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeFile writes a small file that need not be durable. Lack of room: errNoRoom.
func writeFile(v vfs.FS, name string, content []byte) error {
	f, err := v.Create(name)
	if err == nil {
		_, err = f.WriteAt(content, 0)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	return noRoomFor(err)
}

// noRoomFor marks lack of room for a name that could not be made: nothing has changed.
func noRoomFor(err error) error {
	if errors.Is(err, syscall.ENOSPC) && !plantedNoRoomFatal {
		return fmt.Errorf("%w: %w", errNoRoom, err)
	}
	return err
}

// writeDurably is replaceFile and SyncDir.
func writeDurably(v vfs.FS, name string, content []byte) error {
	if err := replaceFile(v, name, content); err != nil {
		return err
	}
	return v.SyncDir(path.Dir(name))
}

// mkdirDurably makes a directory and the ones above it, with every new name synced.
func mkdirDurably(v vfs.FS, name string) error {
	var parents []string
	for p := path.Clean(name); ; p = path.Dir(p) {
		if _, err := v.Stat(p); err == nil || p == path.Dir(p) {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		parents = append(parents, path.Dir(p))
	}
	if err := v.MkdirAll(name); err != nil {
		return noRoomFor(err)
	}
	for _, p := range parents {
		if err := v.SyncDir(p); err != nil {
			return err
		}
	}
	return nil
}

func removeIfExists(v vfs.FS, name string) error {
	if err := v.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
