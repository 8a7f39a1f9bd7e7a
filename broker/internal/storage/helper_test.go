package storage

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/compress"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const testDir = "/data"

var testTopic = kafka.TopicIDPartition{ID: kafka.MakeUUID([16]byte{1, 2, 3}), Topic: "t", Partition: 0}

// counter is a repeatable source of "random" ids.
func counter() func() [16]byte {
	var n byte
	return func() [16]byte { n++; return [16]byte{n, n, n} }
}

func testOptions() DirOptions {
	// A small ring: it is recycled, and memory disks are copied.
	return DirOptions{ClusterID: "cluster", NodeID: 7, Random: counter(), CommitLogBytes: 32 << 10}
}

func openTestDir(t testing.TB, fs vfs.FS) *Dir {
	t.Helper()
	d, err := OpenDir(fs, testDir, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func openTestLog(t testing.TB, fs vfs.FS, c Config) (*Dir, *Log) {
	t.Helper()
	d := openTestDir(t, fs)
	l, err := d.OpenLog(testTopic, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, l
}

// makeBatch builds n records of about size bytes each; record i has time ts+i.
func makeBatch(n, size int, ts int64, codec compress.Codec) batch.Batch {
	var b batch.Builder
	b.Reset(batch.BuilderOptions{Codec: codec})
	value := bytes.Repeat([]byte{'v'}, size)
	for i := range n {
		b.Append(ts+int64(i), []byte(fmt.Sprintf("k%d", i)), value, nil)
	}
	out, err := b.Build()
	if err != nil {
		panic(err)
	}
	return slices.Clone(out)
}

func appendBatch(t testing.TB, l *Log, n int, ts int64, epoch kafka.LeaderEpoch) int64 {
	t.Helper()
	base, err := l.Append(makeBatch(n, 20, ts, compress.None), epoch, 0)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// readAll returns the bytes from offset to bound, however many reads it takes.
func readAll(t testing.TB, l *Log, from, bound int64) []byte {
	t.Helper()
	var out []byte
	for from < min(bound, l.LogEndOffset()) {
		s, err := l.Read(from, math.MaxInt32, bound, true)
		if err != nil {
			t.Fatalf("read at %d: %v", from, err)
		}
		if s.Len() == 0 {
			s.Close()
			break
		}
		if out, err = s.AppendTo(out); err != nil {
			t.Fatal(err)
		}
		if s.NextOffset() <= from {
			t.Fatalf("read at %d goes on at %d", from, s.NextOffset())
		}
		from = s.NextOffset()
		s.Close()
	}
	return out
}

// batches splits bytes into batches and checks that each is whole.
func batches(t testing.TB, p []byte) []batch.Batch {
	t.Helper()
	var out []batch.Batch
	for len(p) > 0 {
		b, rest, err := batch.Next(p)
		if err != nil {
			t.Fatalf("not a whole batch: %v", err)
		}
		if !b.VerifyCRC() {
			t.Fatalf("batch at offset %d has a wrong checksum", b.BaseOffset())
		}
		out, p = append(out, b), rest
	}
	return out
}

// emptyTrash unlinks what may be unlinked at a time.
func emptyTrash(t testing.TB, d *Dir, nowMs int64) {
	t.Helper()
	for next := nowMs; next <= nowMs; {
		var err error
		if next, err = d.Unlink(nowMs); err != nil {
			t.Fatal(err)
		}
	}
}

// spy is an Observer that remembers.
type spy struct {
	mu      sync.Mutex
	flushed []int64
	failed  []error
	stalled []bool
}

func (s *spy) Flushed(end int64) {
	s.mu.Lock()
	s.flushed = append(s.flushed, end)
	s.mu.Unlock()
}

func (s *spy) Failed(err error) {
	s.mu.Lock()
	s.failed = append(s.failed, err)
	s.mu.Unlock()
}

func (s *spy) Stalled(on bool) {
	s.mu.Lock()
	s.stalled = append(s.stalled, on)
	s.mu.Unlock()
}

func (s *spy) last() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.flushed) == 0 {
		return -1
	}
	return s.flushed[len(s.flushed)-1]
}

// fileBytes reads a whole file.
func fileBytes(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	b, err := readFile(fs, name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// putFile writes a whole file.
func putFile(t testing.TB, fs vfs.FS, name string, content []byte) {
	t.Helper()
	if err := replaceFile(fs, name, content); err != nil {
		t.Fatal(err)
	}
}

// crashed closes nothing and returns what a killed process leaves: everything written, nothing closed.
func killed(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
}

// powerCut returns what a power cut leaves at least: only what was synced.
func powerCut(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
}
