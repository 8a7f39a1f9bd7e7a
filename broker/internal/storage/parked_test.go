package storage

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// strayed is a data directory after a power cut with a log whose end is in the commit log only, and whose log start is 3.
func strayed(t *testing.T) (fs *vfs.MemFS, content []byte) {
	t.Helper()
	fs = vfs.NewMem()
	d, l := openRing(t, fs, Config{SegmentBytes: 500})
	flush(t, d, l, 3, 1)
	if _, err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := d.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	if err := l.SetLogStartOffset(3); err != nil {
		t.Fatal(err)
	}
	content = flush(t, d, l, 4, 1)
	return powerCut(fs), content
}

func openRingDir(t *testing.T, fs vfs.FS) *Dir {
	t.Helper()
	o := testOptions()
	o.CommitLogBytes = 1 << 20
	d, err := OpenDir(fs, testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// giveBack gives a parked directory its name back, as an operator does, and tells whether there was one.
func giveBack(t *testing.T, fs *vfs.MemFS) bool {
	t.Helper()
	names, err := fs.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, straySuffix) {
			if err := errors.Join(fs.Rename(testDir+"/"+name, testDir+"/"+testTopic.TopicPartition().String()), fs.SyncDir(testDir)); err != nil {
				t.Fatal(err)
			}
			return true
		}
	}
	return false
}

// wantBack opens the log and wants all of it, and nothing left of what it had taken along.
func wantBack(t *testing.T, fs *vfs.MemFS, what string, want []byte) (*Dir, *Log) {
	t.Helper()
	d, l := openRing(t, fs, Config{SegmentBytes: 500})
	if got := readAll(t, l, l.LogStartOffset(), math.MaxInt64); !bytes.Equal(got, want) || l.LogStartOffset() != 3 || l.FlushedEndOffset() != l.LogEndOffset() {
		t.Fatalf("%s: back are %d bytes of %d, offsets %d..%d", what, len(got), len(want), l.LogStartOffset(), l.LogEndOffset())
	}
	for _, dir := range []string{testDir, l.Path()} {
		names, _ := fs.List(dir)
		for _, name := range names {
			if strings.Contains(name, "parked") || strings.Contains(name, "replay") {
				t.Fatalf("%s: left in %s: %v", what, dir, names)
			}
		}
	}
	return d, l
}

// TestParkedComesBack: a log that was taken aside, whose end was in the commit log only, is whole when its directory gets its name
// back: after clean and unclean stops, in the same data directory or another one, and after a crash at every operation of
// the taking aside and of the opening. What happens to it then is not undone by what it had taken along.
func TestParkedComesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	fs, want := strayed(t)
	crashes := func(fs *vfs.MemFS, check func(c *vfs.MemFS)) {
		fs.SetHook(func(op vfs.Op, _ string) {
			if changing.Has(op) {
				check(fs.CrashClone(rng, vfs.CrashOptions{}))
				check(powerCut(fs))
				check(killed(fs))
			}
		})
	}
	d := openRingDir(t, fs)
	if len(d.Found()) != 1 {
		t.Fatalf("found %v", d.Found())
	}
	n := 0
	crashes(fs, func(c *vfs.MemFS) {
		n++
		giveBack(t, c)
		wantBack(t, c, "a crash while it was taken aside", want)
	})
	if err := d.Park(testTopic); err != nil {
		t.Fatal(err)
	}
	fs.SetHook(nil)
	if n < 10 || len(d.Strays()) != 1 || len(d.Found()) != 0 {
		t.Fatalf("%d crashes, strays %v, found %v", n, d.Strays(), d.Found())
	}
	for _, stops := range [][]bool{{}, {true}, {false}, {true, true}, {false, true}} {
		c := powerCut(fs)
		for _, clean := range stops {
			if d := openRingDir(t, c); clean {
				if err := d.Close(true, 0); err != nil {
					t.Fatal(err)
				}
			}
			c = powerCut(c)
		}
		if !giveBack(t, c) {
			t.Fatalf("%v: it is not there any more", stops)
		}
		crashes(c, func(c *vfs.MemFS) { wantBack(t, c, "a crash while it was opened", want) })
		d, l := wantBack(t, c, "given back", want)
		c.SetHook(nil)
		if err := l.TruncateTo(8); err != nil {
			t.Fatal(err)
		}
		after := flush(t, d, l, 1, 2)
		wantBack(t, powerCut(c), "truncated and written to", after)
	}
	other := vfs.NewMem() // another data directory, with another id
	d = openRingDir(t, other)
	d.Close(true, 0)
	copyTree(t, powerCut(fs), other)
	if !giveBack(t, other) {
		t.Fatal("it was not copied")
	}
	wantBack(t, other, "in another directory", want)
}

// copyTree copies the parked directory.
func copyTree(t *testing.T, from, to *vfs.MemFS) {
	t.Helper()
	names, _ := from.List(testDir)
	for _, name := range names {
		if !strings.HasSuffix(name, straySuffix) {
			continue
		}
		if err := to.MkdirAll(testDir + "/" + name); err != nil {
			t.Fatal(err)
		}
		files, _ := from.List(testDir + "/" + name)
		for _, f := range files {
			putFile(t, to, testDir+"/"+name+"/"+f, fileBytes(t, from, testDir+"/"+name+"/"+f))
		}
	}
}

// TestParkedTwice: a log that comes back and is taken aside again, without having been opened, has lost nothing.
func TestParkedTwice(t *testing.T) {
	fs, want := strayed(t)
	for range 3 {
		d := openRingDir(t, fs)
		if err := d.Park(testTopic); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(true, 0); err != nil {
			t.Fatal(err)
		}
		fs = powerCut(fs)
		giveBack(t, fs)
	}
	wantBack(t, fs, "given back", want)
}

// TestDamagedReplay: a file that is to be replayed and has one bad byte keeps its log closed and unchanged, however often it is
// started, and other logs serve: what stands in it was acknowledged (durability 7).
func TestDamagedReplay(t *testing.T) {
	fs, want := strayed(t)
	openRingDir(t, fs) // replay files are there now
	fs = powerCut(fs)
	names, _ := fs.List(testDir)
	file := ""
	for _, name := range names {
		if strings.HasPrefix(name, ".thalweg-replay-") {
			file = testDir + "/" + name
		}
	}
	parkedFS := powerCut(fs)
	if err := openRingDir(t, parkedFS).Park(testTopic); err != nil {
		t.Fatal(err)
	}
	parkedFS = powerCut(parkedFS)
	giveBack(t, parkedFS)
	inside := testDir + "/" + testTopic.TopicPartition().String() + "/" + parkedReplayFile
	other := kafka.TopicIDPartition{ID: testTopic.ID, Topic: "t", Partition: 1}
	for _, x := range []struct {
		fs   *vfs.MemFS
		file string
	}{{fs, file}, {parkedFS, inside}} {
		whole := fileBytes(t, x.fs, x.file)
		for at := 0; at < len(whole); at++ {
			if at >= 64 && at < 4096 {
				continue // zeros that nobody reads
			}
			spoiled := bytes.Clone(whole)
			spoiled[at] ^= 4
			c := killed(x.fs)
			putFile(t, c, x.file, spoiled)
			for range 2 {
				d := openRingDir(t, c)
				if _, err := d.OpenLog(testTopic, Config{SegmentBytes: 500}, nil); !errors.Is(err, ErrCorrupt) || d.Err() != nil {
					t.Fatalf("byte %d of %s: %v, %v", at, x.file, err, d.Err())
				}
				if _, err := d.OpenLog(other, Config{}, nil); err != nil {
					t.Fatalf("byte %d of %s: the log beside it: %v", at, x.file, err)
				}
				c = killed(c)
			}
			if got := fileBytes(t, c, x.file); !bytes.Equal(got, spoiled) {
				t.Fatalf("byte %d of %s: the file was changed", at, x.file)
			}
			if at%50 == 0 {
				putFile(t, c, x.file, whole)
				wantBack(t, c, "mended", want)
			}
		}
	}
}
