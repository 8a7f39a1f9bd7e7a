package vfs

import (
	"bytes"
	"errors"
	"syscall"
	"testing"
)

// Goal: a file system that refuses to be written to past its cache is used through it. Method: bytes that no
// system takes directly, which most refuse as such a file system refuses all.
func TestDirectFallsBack(t *testing.T) {
	dir := tempDir(t)
	f, err := OS().Create(dir + "/f")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	d, err := OS().OpenDirect(dir + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := []byte("not a block")
	for at := int64(3); at < 100; at += 20 {
		if n, err := d.WriteAt(want, at); err != nil || n != len(want) {
			t.Fatalf("wrote %d: %v", n, err)
		}
		got := make([]byte, len(want))
		if _, err := d.ReadAt(got, at); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("read %q: %v", got, err)
		}
	}
}

// Goal: in memory nobody gets away with what some system refuses.
func TestDirectIsStrictInMemory(t *testing.T) {
	m := NewMem()
	if _, err := m.Create("/f"); err != nil {
		t.Fatal(err)
	}
	d, err := m.OpenDirect("/f")
	if err != nil {
		t.Fatal(err)
	}
	whole := Aligned(2 * BlockSize)
	for _, c := range []struct {
		p   []byte
		off int64
	}{{whole[:BlockSize-1], 0}, {whole[:BlockSize], 512}, {whole[1 : BlockSize+1], 0}} {
		if _, err := d.WriteAt(c.p, c.off); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("write of %d bytes at %d: %v", len(c.p), c.off, err)
		}
		if _, err := d.ReadAt(c.p, c.off); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("read of %d bytes at %d: %v", len(c.p), c.off, err)
		}
	}
	if _, err := d.WriteAt(whole, 0); err != nil {
		t.Error(err)
	}
}
