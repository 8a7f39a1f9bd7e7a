package storage

import (
	"syscall"
	"testing"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// preallocate reserves a segment's room on the disk when it is created, keeps the file as long as what is in it, and gives the rest back
// when the segment is sealed and when the log is closed. What is written is read after a restart and a kill.
func TestPreallocate(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{SegmentBytes: 1 << 20, Preallocate: true}
	open := func() (*Dir, *Log) {
		t.Helper()
		d, err := OpenDir(vfs.OS(), dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		l, err := d.OpenLog(testTopic, cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d, l
	}
	room := func(l *Log, base int64) (length, blocks int64) {
		t.Helper()
		var st syscall.Stat_t
		if err := syscall.Stat(segmentName(l.Path(), base, extLog), &st); err != nil {
			t.Fatal(err)
		}
		return st.Size, st.Blocks * 512
	}
	d, l := open()
	if n, blocks := room(l, 0); n != 0 || blocks == 0 {
		t.Skip("the file system of the tests reserves no room")
	} else if blocks < 1<<20 {
		t.Fatalf("%d bytes are reserved", blocks)
	}
	put(t, l, "a=1")
	if n, blocks := room(l, 0); n == 0 || n > 200 || blocks < 1<<20 {
		t.Fatalf("%d bytes long, %d reserved", n, blocks)
	}
	roll(t, d, l)
	if _, blocks := room(l, 0); blocks > 16<<10 {
		t.Errorf("the sealed segment still has %d bytes", blocks)
	}
	put(t, l, "b=1")
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	if _, blocks := room(l, 1); blocks > 16<<10 {
		t.Errorf("the stopped log's active segment still has %d bytes", blocks)
	}
	d, l = open()
	if got := words(t, l); got != "0:a=1 1:b=1" {
		t.Fatal(got)
	}
	put(t, l, "c=1")
	roll(t, d, l)
	if got := words(t, l); got != "0:a=1 1:b=1 2:c=1" {
		t.Fatal(got)
	}
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
}
