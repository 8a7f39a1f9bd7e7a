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
	d, l := open()
	if n, blocks := roomOf(t, l, 0); n != 0 || blocks == 0 {
		t.Skip("the file system of the tests reserves no room")
	} else if blocks < 1<<20 {
		t.Fatalf("%d bytes are reserved", blocks)
	}
	put(t, l, "a=1")
	if n, blocks := roomOf(t, l, 0); n == 0 || n > 200 || blocks < 1<<20 {
		t.Fatalf("%d bytes long, %d reserved", n, blocks)
	}
	roll(t, d, l)
	if _, blocks := roomOf(t, l, 0); blocks > 16<<10 {
		t.Errorf("the sealed segment still has %d bytes", blocks)
	}
	put(t, l, "b=1")
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	if _, blocks := roomOf(t, l, 1); blocks > 16<<10 {
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

// roomOf is the length of a segment's file and what it takes on the disk.
func roomOf(t *testing.T, l *Log, base int64) (length, room int64) {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(segmentName(l.Path(), base, extLog), &st); err != nil {
		t.Fatal(err)
	}
	return st.Size, st.Blocks * 512
}

// TestReserveAhead: a segment that grows has its next blocks already, but no more of them than a part of its length; it keeps none
// that it does not need when it is sealed, when its log is closed, and after a kill.
func TestReserveAhead(t *testing.T) {
	dir := t.TempDir()
	open := func() (*Dir, *Log) {
		t.Helper()
		d, err := OpenDir(vfs.OS(), dir, testOptions())
		if err != nil {
			t.Fatal(err)
		}
		l, err := d.OpenLog(testTopic, Config{SegmentBytes: 8 << 20, Flush: FlushOS}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d, l
	}
	const slack = 16 << 10 // the last block and what describes the file
	exact := func(l *Log, when string) {
		t.Helper()
		if n, room := roomOf(t, l, l.active().base); room > n+slack {
			t.Errorf("%s %d bytes have room for %d", when, n, room)
		}
	}
	d, l := open()
	ahead := false
	for l.Size() < 3<<20 {
		appendBatch(t, l, 1000, 0, 0)
		n, room := roomOf(t, l, 0)
		if n < aheadFrom && room > n+slack || room > n+n/aheadPart+slack {
			t.Fatalf("%d bytes have room for %d", n, room)
		}
		ahead = ahead || room > n+n/aheadPart/2
	}
	if !ahead {
		t.Skip("the file system of the tests reserves no room")
	}
	if err := d.Close(false, 0); err != nil {
		t.Fatal(err)
	}
	d, l = open()
	exact(l, "after a kill")
	appendBatch(t, l, 1000, 0, 0)
	if n, room := roomOf(t, l, 0); room <= n+slack {
		t.Errorf("going on, %d bytes have room for %d", n, room)
	}
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	d, l = open()
	exact(l, "after a stop")
	for l.active().base == 0 {
		appendBatch(t, l, 1000, 0, 0)
	}
	if _, err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if n, room := roomOf(t, l, 0); room > n+slack || n < 7<<20 {
		t.Errorf("sealed, %d bytes have room for %d", n, room)
	}
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
}

// TestNoRoomAhead: what cannot be reserved is no error, and is not asked for again and again.
func TestNoRoomAhead(t *testing.T) {
	errs := vfs.WithErrors(vfs.NewMem(), &vfs.Rule{Ops: 1 << vfs.OpPreallocate, Err: vfs.FaultENOSPC})
	_, l := openTestLog(t, errs, Config{Flush: FlushOS})
	for l.Size() < 3<<20 {
		appendBatch(t, l, 1000, 0, 0)
	}
	if n := errs.Counts().Ops[vfs.OpPreallocate]; n != 1 {
		t.Errorf("asked %d times", n)
	}
}
