package storage

import (
	"errors"
	"math"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thalweg-io/thalweg/internal/vfs"
)

// TestReserve fills a disk to its reserve: clients are refused with an error to try again after,
// everything else goes on, and they are let in again, without a restart, once there is twice the reserve (S-11).
func TestReserve(t *testing.T) {
	const reserve = 64 * vfs.BlockSize
	fs := vfs.NewMem()
	fs.SetCapacity(256 * vfs.BlockSize)
	o := testOptions()
	o.ReserveBytes = reserve
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog(testTopic, Config{SegmentBytes: 40 * vfs.BlockSize, FileDeleteDelayMs: 1 << 40}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now, seq := int64(1000), int32(0)
	client := func() error {
		o, err := l.AppendClient(sent{id: 1, seq: seq, n: 200}.batch(), 0, now)
		if err == nil && !o.Duplicate {
			seq += 200
		}
		return err
	}
	full := func(want bool) {
		t.Helper()
		if got, err := d.CheckSpace(); got != want || err != nil || d.Full() != want {
			u, _ := fs.Usage(testDir)
			t.Fatalf("full %v, %v, with %d blocks free", got, err, u.Free/vfs.BlockSize)
		}
	}
	for i := 0; !d.Full(); i++ {
		if err := client(); err != nil || i > 1000 {
			t.Fatal(i, err)
		}
		d.SyncOnce()
		d.CheckSpace()
	}
	if err := client(); !errors.Is(err, ErrFull) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("client's append below the reserve: %v", err)
	}
	seq -= 200
	if err := client(); err != nil {
		t.Fatalf("a duplicate below the reserve: %v", err)
	}
	seq += 200
	for range 5 { // replication, the broker's own records, reads, checkpoints
		b := makeBatch(3, 100, 1, 0)
		if _, err := l.Append(b, 0, now); err != nil {
			t.Fatal(err)
		}
		b.SetBaseOffset(l.LogEndOffset())
		if _, err := l.AppendAsFollower(b, now); err != nil {
			t.Fatal(err)
		}
		d.SyncOnce()
	}
	if err := d.Checkpoint(); err != nil || len(readAll(t, l, 0, math.MaxInt64)) == 0 {
		t.Fatal(err)
	}
	free := func() int64 { u, _ := fs.Usage(testDir); return u.Free }
	for free() < 2*reserve && l.LogStartOffset() < l.LogEndOffset() {
		full(true) // hysteresis
		if err := client(); !errors.Is(err, ErrFull) {
			t.Fatalf("let in with %d bytes free: %v", free(), err)
		}
		if err := l.SetLogStartOffset(min(l.LogStartOffset()+200, l.LogEndOffset())); err != nil {
			t.Fatal(err)
		}
		emptyTrash(t, d, now) // although the delay is not over
	}
	if err := client(); !errors.Is(err, ErrFull) {
		t.Fatalf("the clock has not moved: %v", err)
	}
	now += spaceCheckMs
	if err := client(); err != nil || d.Full() {
		t.Fatalf("with %d bytes free: %v", free(), err)
	}
	if err := d.Close(true, 0); err != nil {
		t.Fatal(err)
	}
}

// TestNoRoomForCaches: on a disk without any room the data are still synced and told as flushed;
// index files and checkpoints wait until there is room, and the recovery point with them.
func TestNoRoomForCaches(t *testing.T) {
	mem := vfs.NewMem()
	fs := vfs.WithErrors(mem)
	d, l := openTestLog(t, fs, Config{SegmentBytes: 300})
	fill(t, l, 3)
	d.SyncOnce()
	fs.SetRules(vfs.MustRules("op=write path=*.tmp err=ENOSPC")...)
	fill(t, l, 9)
	end, segments := l.LogEndOffset(), l.Segments()
	for range 3 {
		appendBatch(t, l, 1, 0, 0)
		d.SyncOnce()
		if err := d.Checkpoint(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("checkpoint: %v", err)
		}
	}
	if err := l.TruncateTo(l.LogEndOffset() - 1); err != nil {
		t.Fatalf("truncation: %v", err)
	}
	if d.Err() != nil || l.FlushedEndOffset() != end+2 || segments < 3 {
		t.Fatalf("offline %v, flushed %d of %d, %d segments", d.Err(), l.FlushedEndOffset(), l.LogEndOffset(), segments)
	}
	if p := l.RecoveryPoint(); p >= end {
		t.Fatalf("recovery point %d without index files", p)
	}
	if _, again := openTestLog(t, powerCut(mem), Config{SegmentBytes: 300}); again.LogEndOffset() != end+2 {
		t.Fatalf("after a power cut %d..%d, flushed was %d", again.LogStartOffset(), again.LogEndOffset(), end+2)
	}
	fs.SetRules()
	appendBatch(t, l, 1, 0, 0)
	d.SyncOnce()
	if err := d.Checkpoint(); err != nil || l.RecoveryPoint() != l.LogEndOffset() {
		t.Fatalf("with room again: %v, recovery point %d", err, l.RecoveryPoint())
	}
	if err := d.Close(true, 0); err != nil {
		t.Fatal(err)
	}
}

// TestNoRoomForALog: a log that cannot be made or recovered for lack of room leaves its directory in service, and can be
// opened when there is room, whichever step it was that had none.
func TestNoRoomForALog(t *testing.T) {
	f := func(name string, disk *vfs.MemFS, want int64) {
		t.Helper()
		for _, op := range []string{"mkdir", "create", "write", "rename"} {
			for n := 1; ; n++ {
				mem := killed(disk)
				fs := vfs.WithErrors(mem)
				d := openTestDir(t, fs)
				rule := vfs.MustRules("op=" + op + " err=ENOSPC sticky nth=" + strconv.Itoa(n))
				fs.SetRules(rule...)
				l, err := d.OpenLog(testTopic, Config{SegmentBytes: 300}, nil)
				if rule[0].Hits() == 0 {
					if n == 1 && op == "create" {
						t.Fatalf("%s: nothing is created", name)
					}
					break
				}
				if err != nil && !errors.Is(err, syscall.ENOSPC) || d.Err() != nil {
					t.Fatalf("%s, %s %d: %v, directory %v", name, op, n, err, d.Err())
				}
				fs.SetRules()
				if err != nil {
					l, err = d.OpenLog(testTopic, Config{SegmentBytes: 300}, nil)
				}
				if err != nil || l.LogEndOffset() != want {
					t.Fatalf("%s, %s %d, with room again: %v", name, op, n, err)
				}
				appendBatch(t, l, 1, 0, 0)
				d.SyncOnce()
				if err := d.Close(true, 0); err != nil {
					t.Fatalf("%s, %s %d: %v", name, op, n, err)
				}
			}
		}
	}
	empty := vfs.NewMem()
	if err := openTestDir(t, empty).Close(true, 0); err != nil {
		t.Fatal(err)
	}
	f("new", empty, 0)
	torn := vfs.NewMem()
	d, l := openTestLog(t, torn, Config{SegmentBytes: 300})
	fill(t, l, 9)
	d.SyncOnce()
	f("unclean", torn, l.LogEndOffset())
	failed := killed(torn)
	putFile(t, failed, testDir+"/"+failedFile, nil)
	f("failed before", failed, l.LogEndOffset())
}

// TestReadOnly: a disk that turned read-only takes the directory offline with the reason; another
// directory goes on (S-12).
func TestReadOnly(t *testing.T) {
	fs := vfs.WithErrors(vfs.NewMem(), vfs.MustRules("op=write-like path=*.log err=EROFS")...)
	d := openTestDir(t, fs)
	if _, err := d.OpenLog(testTopic, Config{}, nil); !errors.Is(err, ErrOffline) || !errors.Is(err, syscall.EROFS) || d.Err() == nil {
		t.Fatalf("%v", err)
	}
	_, l := openTestLog(t, vfs.NewMem(), Config{})
	appendBatch(t, l, 1, 0, 0)
}

// TestStalled: what hangs in the disk is seen from outside, with its age (S-13).
func TestStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := vfs.WithErrors(vfs.NewMem())
		d, l := openTestLog(t, fs, Config{})
		appendBatch(t, l, 1, 0, 0)
		for _, op := range []string{"write", "syncdata"} {
			path := map[string]string{"write": "*.log", "syncdata": ".thalweg-commitlog-*"}[op]
			if age := d.Stalled(time.Now()); age != 0 {
				t.Fatalf("idle: %v", age)
			}
			fs.SetRules(vfs.MustRules("op=" + op + " path=" + path + " latency=15s")...)
			done := make(chan struct{})
			go func() {
				defer close(done)
				appendBatch(t, l, 1, 0, 0)
				d.SyncOnce()
			}()
			var ages []time.Duration
			for range 3 {
				time.Sleep(5 * time.Second)
				synctest.Wait()
				ages = append(ages, d.Stalled(time.Now()))
			}
			if ages[0] != 0 || ages[1] != 5*time.Second {
				t.Fatalf("%s: ages %v", op, ages)
			}
			<-done
			if age := d.Stalled(time.Now()); age != 0 {
				t.Fatalf("after the %s: %v", op, age)
			}
		}
	})
}

// TestFailedDiskIsRenewed: a process that comes back after a failed fsync finds the bytes in the
// system's cache, where they pass for clean. It must not call them flushed by syncing alone. Found
// by TestCampaignNthOp.
func TestFailedDiskIsRenewed(t *testing.T) {
	for _, commitLogBytes := range []int64{-1, 32 << 10} { // it is the segment, or the commit log
		testFailedDiskIsRenewed(t, commitLogBytes)
	}
}

func testFailedDiskIsRenewed(t *testing.T, commitLogBytes int64) {
	open := func(fs vfs.FS) (*Dir, *Log) {
		t.Helper()
		o := testOptions()
		o.CommitLogBytes = commitLogBytes
		d, err := OpenDir(fs, testDir, o)
		if err != nil {
			t.Fatal(err)
		}
		l, err := d.OpenLog(testTopic, Config{SegmentBytes: 300}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d, l
	}
	mem := vfs.NewMem()
	fs := vfs.WithErrors(mem, vfs.MustRules("op=syncdata nth=1 err=EIO")...)
	d, l := open(fs)
	want := fill(t, l, 5)
	d.SyncOnce()
	if d.Err() == nil {
		t.Fatal("the failed fdatasync went unnoticed")
	}
	d.Close(true, 0)
	for round := range 2 { // the second start is after a crash in the first one's life
		d, l = open(unlocked{mem})
		if l.FlushedEndOffset() != l.LogEndOffset() || l.LogEndOffset() == 0 {
			t.Fatalf("round %d: recovered to %d, flushed %d", round, l.LogEndOffset(), l.FlushedEndOffset())
		}
	}
	if _, err := mem.Stat(testDir + "/" + failedFile); err != nil {
		t.Fatalf("word of the failure is gone before a clean stop: %v", err)
	}
	if err := d.Close(true, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.Stat(testDir + "/" + failedFile); err == nil {
		t.Fatal("word of the failure stays after a clean stop")
	}
	_, l = open(powerCut(mem))
	if got := readAll(t, l, 0, math.MaxInt64); string(got) != string(want) {
		t.Fatalf("a power cut leaves %d bytes of %d", len(got), len(want))
	}
}
