package replica

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/metadata"
	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/kafka/schema"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

// pair is a node with two data directories and a topic "a" of one partition.
type pair struct {
	t        *testing.T
	fs       *vfs.MemFS
	from, to *storage.Dir
	m        *Manager
	v        batch.Validator
	builder  *metadata.Builder
}

func newPair(t *testing.T, fs *vfs.MemFS) *pair {
	t.Helper()
	lg := slog.New(slog.DiscardHandler)
	open := func(path string, id byte) *storage.Dir {
		d, err := storage.OpenDir(fs, path, storage.DirOptions{
			ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Random: func() [16]byte { return [16]byte{id} }, Logger: lg,
		})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	n := &pair{t: t, fs: fs, from: open("data", 1), to: open("more", 2)}
	dirs := []*storage.Dir{n.from, n.to}
	n.m = NewManager(Options{Self: 1, Dirs: dirs, Logger: lg, Again: storage.SettleFutures(dirs, false)})
	n.builder = metadata.NewBuilder(metadata.NewImage(metadata.ImageOptions{NodeID: 1}))
	n.publish(append([]schema.Record{&schema.RegisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1}}, topic("a", idA, 1)...)...)
	if err := n.p().Err(); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *pair) publish(records ...schema.Record) {
	n.t.Helper()
	for _, r := range records {
		if err := n.builder.Apply(r); err != nil {
			n.t.Fatal(err)
		}
	}
	image, delta := n.builder.Freeze()
	n.m.Publish(delta, image)
}

func (n *pair) p() *Partition { return n.m.Partition("a", 0) }

// append appends a batch of records of a producer, and flushes them.
func (n *pair) append(sequence int32, records int, size int) Appended {
	n.t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: 7, BaseSequence: sequence})
	for range records {
		b.Append(now.UnixMilli(), nil, bytes.Repeat([]byte{byte(sequence)}, size), nil)
	}
	built, err := b.Build()
	if err != nil {
		n.t.Fatal(err)
	}
	a, err := n.p().Append(append(batch.Batch(nil), built...), &AppendOptions{Acks: AcksAll, Now: now, Validator: &n.v})
	if err != nil {
		n.t.Fatal(err)
	}
	n.flush()
	return a
}

func (n *pair) flush() {
	for n.from.SyncOnce() || n.to.SyncOnce() {
	}
}

// content is all that a consumer can read.
func (n *pair) content() []byte {
	n.t.Helper()
	var out []byte
	p := n.p()
	for at := p.log().LogStartOffset(); at < p.HighWatermark(); {
		r, err := p.Read(&ReadOptions{Offset: at, MaxBytes: math.MaxInt32, MinOne: true, CurrentEpoch: kafka.NoLeaderEpoch, LastFetchedEpoch: kafka.NoLeaderEpoch})
		if err != nil {
			n.t.Fatal(err)
		}
		if out, err = r.Slice.AppendTo(out); err != nil {
			n.t.Fatal(err)
		}
		at = r.Slice.NextOffset()
		r.Slice.Close()
	}
	return out
}

func (n *pair) place(dir string) {
	n.t.Helper()
	if err := n.m.Place("a", 0, dir); err != nil {
		n.t.Fatal(err)
	}
}

// moveAll moves what is to be moved into a directory.
func (n *pair) moveAll(to *storage.Dir) {
	for more := true; more; {
		_, more = n.m.Move(to, moveChunk, now)
	}
}

// dirs are the directories of partitions and copies in one data directory, without ids.
func (n *pair) dirs(path string) string {
	n.t.Helper()
	names, err := n.fs.List(path)
	if err != nil {
		n.t.Fatal(err)
	}
	var out []string
	for _, name := range names {
		if info, err := n.fs.Stat(path + "/" + name); err == nil && info.Dir {
			if i := strings.IndexByte(name, '.'); i >= 0 {
				name = name[:i] + name[strings.LastIndexByte(name, '-'):]
			}
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// TestMove: a log moves to another directory with everything that it has, while it is written to (KIP-113).
func TestMove(t *testing.T) {
	n := newPair(t, vfs.NewMem())
	for i := range int32(6) {
		n.append(2*i, 2, 400_000)
	}
	if _, err := n.p().DeleteRecords(3); err != nil { // in the middle of a batch
		t.Fatal(err)
	}
	n.place("more")
	copied, more := n.m.Move(n.to, moveChunk, now)
	if copied == 0 || !more {
		t.Fatalf("copied %d, more %v", copied, more)
	}
	d := n.m.LogDirs()[1]
	if len(d.Futures) != 1 || d.Futures[0].Lag <= 0 || d.Futures[0].Log.ID() != n.p().ID() || len(d.Logs) != 0 {
		t.Errorf("while it moves: %+v", d)
	}
	n.append(12, 2, 10)
	want, watermark, epoch := n.content(), n.p().HighWatermark(), n.p().log().LatestEpoch()
	n.moveAll(n.to)
	p := n.p()
	if p.dir() != n.to || n.dirs("data") != "a-0-delete" || n.dirs("more") != "a-0" {
		t.Errorf("in %s; %q and %q", p.dir().Path(), n.dirs("data"), n.dirs("more"))
	}
	if !bytes.Equal(n.content(), want) || p.HighWatermark() != watermark || p.log().LogStartOffset() != 3 || p.log().LatestEpoch() != epoch {
		t.Errorf("%d bytes, want %d; watermark %d, start %d, epoch %d", len(n.content()), len(want), p.HighWatermark(), p.log().LogStartOffset(), p.log().LatestEpoch())
	}
	if again := n.append(12, 2, 10); again.BaseOffset != 12 {
		t.Errorf("a batch sent again went to %d", again.BaseOffset)
	}
	if a := n.append(14, 2, 10); a.BaseOffset != 14 || n.p().HighWatermark() != 16 {
		t.Errorf("the next batch went to %d, watermark %d", a.BaseOffset, n.p().HighWatermark())
	}
	if len(n.m.mu.moves) != 0 || len(n.m.mu.moving[n.to]) != 0 || n.m.mu.count[n.to] != 1 || n.m.mu.count[n.from] != 0 {
		t.Errorf("%+v", n.m.mu.moves)
	}
	n.place("data")
	n.moveAll(n.from)
	if p.dir() != n.from || p.log().LogEndOffset() != 16 {
		t.Errorf("back in %s, end %d", p.dir().Path(), p.log().LogEndOffset())
	}
}

// TestMoveIsCalledOff by asking for where the log is, and by deleting the topic.
func TestMoveIsCalledOff(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		n := newPair(t, vfs.NewMem())
		for i := range int32(4) {
			n.append(i, 1, 800_000)
		}
		n.place("more")
		n.place("more") // said twice
		n.m.Move(n.to, moveChunk, now)
		if n.dirs("more") != "a-0-future" {
			t.Fatalf("%q", n.dirs("more"))
		}
		if deleted {
			n.publish(&schema.RemoveTopicRecord{TopicID: idA})
		} else {
			n.place("data")
		}
		n.moveAll(n.to)
		if n.dirs("more") != "a-0-delete" || !deleted && n.p().dir() != n.from || len(n.m.LogDirs()[1].Futures) != 0 {
			t.Errorf("deleted %v: %q", deleted, n.dirs("more"))
		}
	}
}

// TestMoveIsOvertaken: what is deleted from the log while it is copied is not needed.
func TestMoveIsOvertaken(t *testing.T) {
	n := newPair(t, vfs.NewMem())
	for i := range int32(4) {
		n.append(i, 1, 800_000)
	}
	n.place("more")
	n.m.Move(n.to, moveChunk, now)
	n.append(4, 3, 10)
	if _, err := n.p().DeleteRecords(6); err != nil {
		t.Fatal(err)
	}
	want := n.content()
	n.moveAll(n.to)
	if n.p().dir() != n.to || !bytes.Equal(n.content(), want) || n.p().log().LogStartOffset() != 6 {
		t.Errorf("%d bytes, want %d; start %d", len(n.content()), len(want), n.p().log().LogStartOffset())
	}
}

// TestMoveFails: a copy that cannot be written is given up, and the log serves on.
func TestMoveFails(t *testing.T) {
	n := newPair(t, vfs.NewMem())
	n.append(0, 1, 800_000)
	want := n.content()
	n.fs.SetCapacity(900_000)
	n.place("more")
	n.moveAll(n.to)
	if n.p().dir() != n.from || n.p().Err() != nil || !bytes.Equal(n.content(), want) || len(n.m.mu.moves) != 0 {
		t.Errorf("in %s, %v, %q", n.p().dir().Path(), n.p().Err(), n.dirs("more"))
	}
	if err := n.m.Place("a", 0, "nowhere"); !errors.Is(err, ErrNoSuchDir) {
		t.Error(err)
	}
}

// TestMoveSurvivesCrashes: cut off after any operation, the next start has the log once, with all that was flushed, and
// goes on with the move.
func TestMoveSurvivesCrashes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	fs := vfs.NewMem()
	n := newPair(t, fs)
	for i := range int32(6) {
		n.append(2*i, 2, 300_000)
	}
	if _, err := n.p().DeleteRecords(3); err != nil {
		t.Fatal(err)
	}
	want := n.content()
	type cut struct {
		fs   *vfs.MemFS
		when string
	}
	var cuts []cut
	fs.SetHook(func(op vfs.Op, path string) {
		if vfs.OpSet(vfs.WriteLike).Has(op) {
			cuts = append(cuts, cut{fs.CrashClone(rng, vfs.CrashOptions{}), fmt.Sprint(op, " ", path)})
		}
	})
	n.place("more")
	n.moveAll(n.to)
	fs.SetHook(nil)
	if n.p().dir() != n.to || len(cuts) < 20 {
		t.Fatalf("in %s after %d operations", n.p().dir().Path(), len(cuts))
	}
	moved := 0
	for i, c := range cuts {
		t.Run(fmt.Sprintf("%d %s", i, c.when), func(t *testing.T) {
			after := newPair(t, c.fs)
			after.flush()
			if got := after.content(); !bytes.Equal(got, want) || after.p().log().LogStartOffset() != 3 {
				t.Fatalf("%d bytes, want %d; start %d; %q and %q", len(got), len(want), after.p().log().LogStartOffset(), after.dirs("data"), after.dirs("more"))
			}
			after.moveAll(after.to)
			if after.p().dir() == after.to {
				moved++
			}
			if got := after.content(); !bytes.Equal(got, want) || after.p().log().LogStartOffset() != 3 {
				t.Fatalf("in %s: %d bytes, want %d", after.p().dir().Path(), len(got), len(want))
			}
			if a := after.append(12, 1, 10); a.BaseOffset != 12 {
				t.Errorf("the next batch went to %d", a.BaseOffset)
			}
		})
	}
	if moved < len(cuts)/2 {
		t.Errorf("of %d cut moves %d were ended", len(cuts), moved)
	}
}

// TestUnfinishedCopyIsNoLog: an unfinished copy never takes the place of a log that is gone, and a complete one waits while a
// directory is missing (S-17).
func TestUnfinishedCopyIsNoLog(t *testing.T) {
	n := newPair(t, vfs.NewMem())
	for i := range int32(4) {
		n.append(i, 1, 800_000)
	}
	n.place("more")
	n.m.Move(n.to, moveChunk, now)
	after := n.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
	if err := after.Rename("data/a-0", "data/gone"); err != nil {
		t.Fatal(err)
	}
	if got := newPair(t, after).dirs("more"); got != "a-0-delete" {
		t.Errorf("%q", got)
	}

	f := n.m.mu.moves[kafka.TopicPartition{Topic: "a"}].future.Load()
	if err := n.to.CompleteFuture(f, n.p().log(), n.p().HighWatermark()); err != nil {
		t.Fatal(err)
	}
	after = n.fs.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
	dir, err := storage.OpenDir(after, "more", storage.DirOptions{ClusterID: "AQIDBAUGBwgJCgsMDQ4PEA", NodeID: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if again := storage.SettleFutures([]*storage.Dir{dir}, true); len(again) != 0 || len(dir.Found()) != 0 {
		t.Errorf("%v, %v", again, dir.Found())
	}
	if err := dir.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	if got := newPair(t, after).dirs("more"); got != "a-0-delete" { // the log is there: it counts
		t.Errorf("%q", got)
	}
}
