package powercut

import (
	"bytes"
	"fmt"
	"io"
	"path"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// Damage is how much of what processes had written a crash took or changed.
type Damage struct {
	Names  int // gone, or there again
	Files  int // of the same name with another length or other data
	Blocks int // of 4 KiB in those, that differ
}

// Add adds what another crash did.
func (d *Damage) Add(more Damage) {
	d.Names, d.Files, d.Blocks = d.Names+more.Names, d.Files+more.Files, d.Blocks+more.Blocks
}

// Compare tells how one file system differs from another, below a directory that both have.
func Compare(before, after vfs.FS, dir string) (d Damage, err error) {
	is := map[string]bool{}
	names, err := after.List(dir)
	if err != nil {
		return d, err
	}
	for _, name := range names {
		is[name] = true
	}
	was, err := before.List(dir)
	if err != nil {
		return d, err
	}
	for _, name := range was {
		if !is[name] {
			d.Names++
			continue
		}
		delete(is, name)
		more, err := compareNode(before, after, path.Join(dir, name))
		if err != nil {
			return d, err
		}
		d.Add(more)
	}
	d.Names += len(is)
	return d, nil
}

func compareNode(before, after vfs.FS, name string) (Damage, error) {
	info, err := before.Stat(name)
	if err != nil {
		return Damage{}, err
	}
	if info.Dir {
		return Compare(before, after, name)
	}
	was, err := readAll(before, name)
	if err != nil {
		return Damage{}, err
	}
	is, err := readAll(after, name)
	if err != nil {
		return Damage{}, err
	}
	d := Damage{Blocks: differing(was, is)}
	if d.Blocks > 0 {
		d.Files = 1
	}
	return d, nil
}

func readAll(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	p := make([]byte, size)
	if n, err := f.ReadAt(p, 0); n < len(p) && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return p, nil
}

// differing counts blocks that two files do not have in common.
func differing(a, b []byte) (n int) {
	for i := 0; i < max(len(a), len(b)); i += vfs.BlockSize {
		if !bytes.Equal(blockAt(a, i), blockAt(b, i)) {
			n++
		}
	}
	return n
}

func blockAt(p []byte, i int) []byte { return p[min(i, len(p)):min(i+vfs.BlockSize, len(p))] }
