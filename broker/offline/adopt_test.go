package offline

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const otherDir = "/other"

var adopter = kafka.TopicIDPartition{ID: kafka.MakeUUID([16]byte{9, 9}), Topic: "adopted", Partition: 3}

func openOther(t *testing.T, v vfs.FS) (*storage.Dir, *storage.Log) {
	t.Helper()
	d, err := storage.OpenDir(v, otherDir, storage.DirOptions{ClusterID: "another", NodeID: 1, Random: ids()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog(adopter, storage.Config{SegmentBytes: 1500}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, l
}

// twoDirs has a log in one data directory and an empty one in another, both stopped cleanly.
func twoDirs(t *testing.T) (*vfs.MemFS, []batch.Batch) {
	t.Helper()
	mem, all := wholeDir(t, true)
	d, _ := openOther(t, mem)
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
	return mem, all
}

func adopt(v vfs.FS, keep bool) (*Adoption, error) {
	a, err := planAdoption(v, logDir, otherDir+"/adopted-3")
	if err != nil {
		return nil, err
	}
	a.KeepProducers = keep
	return a, errors.Join(a.Apply(), a.Close())
}

// inEpoch0 are batches as the other log has them.
func inEpoch0(list []batch.Batch) (out [][]byte) {
	for _, b := range list {
		b = slices.Clone(b)
		b.SetLeaderEpoch(0)
		out = append(out, b)
	}
	return out
}

// TestAdopt: the other broker has the same batches in epoch 0 under its own topic id, after a clean start and after an unclean one, and goes on in an epoch that is
// lower than theirs was. Producers are known only if that was asked for.
func TestAdopt(t *testing.T) {
	for _, keep := range []bool{false, true} {
		mem, all := twoDirs(t)
		before := files(t, mem)
		a, err := adopt(mem, keep)
		if err != nil {
			t.Fatal(err)
		}
		if a.Start != 0 || a.End != allOfThem*perBatch || a.Epochs != [2]int32{0, 3} || a.Segments != 6 || a.Aborted {
			t.Errorf("%+v", a)
		}
		for name, content := range files(t, mem) {
			if !bytes.Equal(content, before[name]) {
				t.Errorf("%s has been changed", name)
			}
		}
		if id, err := storage.Identity(mem, otherDir+"/adopted-3"); err != nil || id != adopter.ID {
			t.Errorf("identity %v, %v", id, err)
		}
		names, err := mem.List(otherDir)
		if err != nil || slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, "-delete") }) {
			t.Errorf("%q, %v", names, err)
		}
		for _, clean := range []bool{true, false} {
			v := mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
			if !clean {
				if err := v.Remove(otherDir + "/.kafka_cleanshutdown"); err != nil {
					t.Fatal(err)
				}
			}
			goesOn(t, v, all, keep)
		}
	}
}

func goesOn(t *testing.T, v vfs.FS, all []batch.Batch, keep bool) {
	t.Helper()
	d, l := openOther(t, v)
	if got := contents(t, l); !bytes.Equal(got, bytes.Join(inEpoch0(all), nil)) {
		t.Fatal("other batches")
	}
	if keep {
		if o, err := l.AppendClient(numbered(t, len(all)-1), 1, 0); err != nil || !o.Duplicate {
			t.Errorf("the last batch again: %+v, %v", o, err)
		}
		if _, err := l.AppendClient(numbered(t, len(all)), 1, 0); err != nil {
			t.Errorf("the next batch: %v", err)
		}
	} else if o, err := l.AppendClient(numbered(t, 0), 1, 0); err != nil || o.Duplicate || o.BaseOffset != int64(len(all)*perBatch) {
		t.Errorf("the first batch of another producer with that id: %+v, %v", o, err)
	}
	if err := d.Close(true, 1); err != nil {
		t.Fatal(err)
	}
}

// TestAdoptGaps: a log with gaps goes to a topic that is not compacted, and is served after a crash, too.
func TestAdoptGaps(t *testing.T) {
	mem, all := twoDirs(t)
	damaged{t, mem}.remove(segmentOf(8))
	if a, err := adopt(mem, false); err != nil || !a.Gaps {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, name := range []string{".kafka_cleanshutdown", "recovery-point-offset-checkpoint"} { // everything is scanned
		if err := mem.Remove(otherDir + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
	_, l := openOther(t, mem)
	if got := contents(t, l); !bytes.Equal(got, bytes.Join(inEpoch0(slices.Concat(all[:8], all[12:])), nil)) {
		t.Error("other batches")
	}
}

// TestAdoptCrashes cuts the power at every operation: the other log then is the empty one, or not there, or whole; and adopting it
// again leads to the end, unless it is whole.
func TestAdoptCrashes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	mem, all := twoDirs(t)
	var crashed []*vfs.MemFS
	mem.SetHook(func(op vfs.Op, _ string) {
		if op != vfs.OpRead {
			crashed = append(crashed, mem.CrashClone(rng, vfs.CrashOptions{}))
		}
	})
	if _, err := adopt(mem, false); err != nil {
		t.Fatal(err)
	}
	mem.SetHook(nil)
	whole := 0
	for i, v := range crashed {
		w := v.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
		d, l := openOther(t, w)
		if end := l.LogEndOffset(); end != 0 && end != allOfThem*perBatch {
			t.Fatalf("crash %d: the log ends at %d", i, end)
		}
		if err := d.Close(true, 1); err != nil {
			t.Fatal(err)
		}
		if l.LogEndOffset() > 0 {
			whole++
			goesOn(t, v, all, false)
			continue
		}
		if _, err := adopt(w, false); err != nil { // after the broker's start and stop
			t.Fatalf("crash %d: %v", i, err)
		}
		goesOn(t, w, all, false)
	}
	if whole == 0 || whole == len(crashed) {
		t.Errorf("%d of %d crashes leave the whole log", whole, len(crashed))
	}
}

// TestAdoptRefuses: what is not adopted, and why.
func TestAdoptRefuses(t *testing.T) {
	f := func(name, want string, spoil func(t *testing.T, mem *vfs.MemFS)) {
		t.Run(name, func(t *testing.T) {
			mem, _ := twoDirs(t)
			spoil(t, mem)
			if _, err := adopt(mem, false); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	removed := func(names ...string) func(*testing.T, *vfs.MemFS) {
		return func(t *testing.T, mem *vfs.MemFS) {
			for _, name := range names {
				if err := mem.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	f("an unclean source", "was not stopped cleanly", removed(dataDir+"/.kafka_cleanshutdown"))
	f("an unclean target", "was not stopped cleanly", removed(otherDir+"/.kafka_cleanshutdown"))
	f("no data directory", "is no data directory", removed(dataDir+"/meta.properties"))
	f("no identity", "no usable partition.metadata", removed(otherDir+"/adopted-3/partition.metadata"))
	f("damage", "checksum does not match", func(t *testing.T, mem *vfs.MemFS) {
		damaged{t, mem}.change(segmentOf(9), func(b []byte) []byte { b[batch.HeaderSize+5] ^= 1; return b })
	})
	f("a source that ends early", "was once on the disk", func(t *testing.T, mem *vfs.MemFS) {
		damaged{t, mem}.change(segmentOf(21), func(b []byte) []byte { return b[:len(b)/2] })
	})
	f("records in the target", "has records", func(t *testing.T, mem *vfs.MemFS) {
		if _, err := adopt(mem, false); err != nil {
			t.Fatal(err)
		}
	})
	f("a broker in the source", "stop it first", func(t *testing.T, mem *vfs.MemFS) {
		if _, _, err := openLog(t, mem); err != nil {
			t.Fatal(err)
		}
	})
	f("an open transaction", "open transactions", func(t *testing.T, mem *vfs.MemFS) {
		d, l, err := openLog(t, mem)
		if err != nil {
			t.Fatal(err)
		}
		var b batch.Builder
		b.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: 77, Transactional: true})
		b.Append(1, nil, []byte("x"), nil)
		open, err := b.Build()
		if err == nil {
			_, err = l.AppendClient(open, 9, 0)
		}
		if err = errors.Join(err, d.Close(true, 1)); err != nil {
			t.Fatal(err)
		}
	})
}
