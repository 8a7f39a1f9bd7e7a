package offline

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/broker/internal/storage/commitlog"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

var rewriteCommitLogs = flag.Bool("commitlogs", false, "write testdata/commitlog anew")

// commitLogDir holds files of a commit log as writeCommitLogs makes them, for the golden tests of the command line, too.
const commitLogDir = "testdata/commitlog"

var (
	commitLogOf = kafka.MakeUUID([16]byte{9})
	entriesOf   = commitlog.Log{Topic: kafka.MakeUUID([16]byte{1, 2, 3}), Partition: 3}
)

func committedBatch(t *testing.T, base int64) batch.Batch {
	b := slices.Clone(numbered(t, int(base)/perBatch))
	b.SetBaseOffset(base)
	b.SetLeaderEpoch(5)
	return b
}

// writeCommitLogs makes a ring of two files, a file that is to be replayed, one that a partition has taken along, and damaged ones.
func writeCommitLogs(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "t-3"), 0o755); err != nil {
		t.Fatal(err)
	}
	v := vfs.OS()
	w := commitlog.NewWriter(commitlog.Options{FS: v, Dir: dir, Directory: commitLogOf, FileBytes: 3 * commitlog.BlockSize, MaxFiles: 2})
	put := func(kind commitlog.Kind, base int64, payload []byte) {
		e := commitlog.Entry{Kind: kind, Log: entriesOf, Epoch: 5, Base: base, Next: base}
		if kind == commitlog.Append {
			e.Next = base + int64(len(payload)/len(numbered(t, 0))*perBatch)
		}
		copy(w.Add(e, len(payload)), payload)
	}
	commit := func() {
		if err := w.Prepare(); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	put(commitlog.Append, 0, slices.Concat(committedBatch(t, 0), committedBatch(t, perBatch)))
	put(commitlog.Append, 2*perBatch, committedBatch(t, 2*perBatch))
	commit()
	put(commitlog.Truncate, perBatch, nil)
	put(commitlog.Start, 1, nil)
	commit()
	put(commitlog.Delete, 0, nil)
	put(commitlog.Reset, 6, nil)
	put(commitlog.Append, 6, committedBatch(t, 6))
	commit()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{commitlog.ReplayName(entriesOf), "t-3/" + storage.ParkedReplay} {
		f, err := commitlog.Create(v, filepath.ToSlash(dir)+"/"+name, commitLogOf)
		if err != nil {
			t.Fatal(err)
		}
		for base := int64(0); base < 3*perBatch; base += perBatch {
			f.Add(commitlog.Entry{Kind: commitlog.Append, Log: entriesOf, Epoch: 5, Base: base, Next: base + perBatch}, committedBatch(t, base))
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCommitLogFiles: the files in testdata are what is written, and have nothing wrong.
func TestCommitLogFiles(t *testing.T) {
	dir := commitLogDir
	if !*rewriteCommitLogs {
		dir = t.TempDir()
	}
	writeCommitLogs(t, dir)
	files, err := CommitLogs(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		rel, _ := filepath.Rel(dir, file)
		got, err1 := os.ReadFile(file)
		want, err2 := os.ReadFile(filepath.Join(commitLogDir, rel))
		if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Errorf("%s in testdata is another one: run with -commitlogs (%v, %v)", rel, err1, err2)
		}
	}
	reports, err := VerifyCommitLogs(files)
	if err != nil {
		t.Fatal(err)
	}
	var batches []int64
	for _, r := range reports {
		if len(r.Problems) > 0 {
			t.Errorf("%s: %+v", r.Dir, r.Problems)
		}
		batches = append(batches, r.Batches)
	}
	if !slices.Equal(batches, []int64{3, 1, 3, 3}) {
		t.Errorf("batches: %v", batches)
	}
}

// TestSpoiledCommitLogs: a bit that flips anywhere in a file that is to be replayed is damage, and so is one in what a file of the ring holds, where the next
// one says that it was written. It never panics.
func TestSpoiledCommitLogs(t *testing.T) {
	dir := t.TempDir()
	writeCommitLogs(t, dir)
	files, err := CommitLogs(dir)
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string][]byte{}
	for _, f := range files {
		if whole[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range files {
		replay := ofReplay(filepath.Base(f))
		written, end := entryBytes(t, f)
		if !replay && i > 0 {
			continue // nothing says how far the newest was written
		}
		for at := range int64(len(whole[f])) {
			if at >= 64 && !written[at] {
				continue
			}
			b := bytes.Clone(whole[f])
			b[at] ^= 2
			if err := os.WriteFile(f, b, 0o644); err != nil {
				t.Fatal(err)
			}
			used := int64(0)
			if !replay && at >= commitlog.BlockSize {
				used = end
			}
			r, err := VerifyCommitLog(f, used)
			if err != nil || len(r.Problems) == 0 || (replay || at >= commitlog.BlockSize) && !r.Damaged() {
				t.Fatalf("%s with byte %d spoiled: %+v, %v", f, at, r, err)
			}
		}
		if err := os.WriteFile(f, whole[f], 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// entryBytes says which bytes of a file belong to entries, and where they end.
func entryBytes(t *testing.T, path string) (written map[int64]bool, end int64) {
	t.Helper()
	l, err := OpenCommitLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	written = map[int64]bool{}
	for l.Next() {
		e := l.Entry()
		for at := range commitlog.EntryHeader + int64(len(e.Payload)) {
			written[e.Position+at] = true
		}
	}
	return written, l.End()
}
