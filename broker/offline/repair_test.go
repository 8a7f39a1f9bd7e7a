package offline

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/thalweg-io/thalweg/broker/internal/storage"
	"github.com/thalweg-io/thalweg/internal/kafka"
	"github.com/thalweg-io/thalweg/internal/kafka/batch"
	"github.com/thalweg-io/thalweg/internal/vfs"
)

const (
	dataDir   = "/data"
	logDir    = dataDir + "/t-0"
	perBatch  = 3 // records
	atOnce    = 4 // batches in a segment
	allOfThem = 22
)

var repairedTopic = kafka.TopicIDPartition{ID: kafka.MakeUUID([16]byte{1, 2, 3}), Topic: "t"}

func ids() func() [16]byte {
	var n byte
	return func() [16]byte { n++; return [16]byte{n, n, n} }
}

// numbered is batch number i of the log that is damaged.
func numbered(t *testing.T, i int) batch.Batch {
	t.Helper()
	var b batch.Builder
	b.Reset(batch.BuilderOptions{HasProducer: true, ProducerID: 9, BaseSequence: int32(i * perBatch)})
	for r := range perBatch {
		b.Append(int64(1000+10*i-7*r), fmt.Appendf(nil, "key %02d", i), bytes.Repeat([]byte{byte(i)}, 50), nil)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out)
}

func openLog(t *testing.T, v vfs.FS) (*storage.Dir, *storage.Log, error) {
	t.Helper()
	d, err := storage.OpenDir(v, dataDir, storage.DirOptions{ClusterID: "c", NodeID: 7, Random: ids()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.OpenLog(repairedTopic, storage.Config{SegmentBytes: int32(atOnce * len(numbered(t, 0))), IndexIntervalBytes: -1}, nil)
	return d, l, err
}

// wholeDir is a data directory with one log of several segments, after a clean stop or a kill, and every batch of the log.
func wholeDir(t *testing.T, clean bool) (*vfs.MemFS, []batch.Batch) {
	t.Helper()
	mem := vfs.NewMem()
	d, l, err := openLog(t, mem)
	if err != nil {
		t.Fatal(err)
	}
	var all []batch.Batch
	for i := range allOfThem {
		b := numbered(t, i)
		if _, err := l.AppendClient(b, kafka.LeaderEpoch(i/7), 0); err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Clone(b)) // with offset and epoch
	}
	if _, err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if !clean {
		if err := d.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		return mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced}), all
	}
	if err := d.Close(true, 5); err != nil {
		t.Fatal(err)
	}
	return mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced}), all
}

// change replaces the content of a file, durably.
func (f damaged) change(name string, with func([]byte) []byte) {
	f.t.Helper()
	content := with(contentOf(f.t, f.fs, logDir+"/"+name))
	file, err := f.fs.Create(logDir + "/" + name)
	if err != nil {
		f.t.Fatal(err)
	}
	_, err = file.WriteAt(content, 0)
	if err = errors.Join(err, file.Sync(), file.Close(), f.fs.SyncDir(logDir)); err != nil {
		f.t.Fatal(err)
	}
}

func (f damaged) remove(name string) {
	f.t.Helper()
	if err := errors.Join(f.fs.Remove(logDir+"/"+name), f.fs.SyncDir(logDir)); err != nil {
		f.t.Fatal(err)
	}
}

type damaged struct {
	t  *testing.T
	fs *vfs.MemFS
}

func contentOf(t *testing.T, v vfs.FS, name string) []byte {
	t.Helper()
	f, err := v.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := f.Size()
	b := make([]byte, n)
	if err == nil {
		err = readAt(f, b, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// segmentOf is the file that holds batch i, which has its place i%atOnce there.
func segmentOf(i int) string { return segmentFile(int64(i/atOnce*atOnce*perBatch), LogSuffix) }

// damages are what may have happened to a log, and how many of its batches are before it.
var damages = []struct {
	name  string
	left  int
	gaps  bool // only seen with it
	whole bool // no batch is damaged
	shut  bool // no broker opens it, for it ends below its recovery point; else readers come upon the damage
	do    func(f damaged, size int)
}{
	{name: "a bit of a record in the middle", left: 9, do: func(f damaged, size int) {
		f.change(segmentOf(9), func(b []byte) []byte { b[9%atOnce*size+batch.HeaderSize+5] ^= 4; return b })
	}},
	{name: "a length at the beginning of everything", left: 0, do: func(f damaged, size int) {
		f.change(segmentOf(0), func(b []byte) []byte { b[9] ^= 1; return b })
	}},
	{name: "the first batch of a segment", left: 12, do: func(f damaged, size int) {
		f.change(segmentOf(12), func(b []byte) []byte { b[16] = 0; return b })
	}},
	{name: "a sealed segment cut in a batch", left: 6, do: func(f damaged, size int) {
		f.change(segmentOf(6), func(b []byte) []byte { return b[:6%atOnce*size+size/2] })
	}},
	{name: "a sealed segment cut between batches", left: 6, gaps: true, do: func(f damaged, size int) {
		f.change(segmentOf(6), func(b []byte) []byte { return b[:6%atOnce*size] })
	}},
	{name: "the last segment cut", left: 21, shut: true, do: func(f damaged, size int) {
		f.change(segmentOf(21), func(b []byte) []byte { return b[:21%atOnce*size] })
	}},
	{name: "the last segment empty", left: 20, shut: true, do: func(f damaged, size int) {
		f.change(segmentOf(21), func([]byte) []byte { return nil })
	}},
	{name: "an offset that jumps ahead", left: 9, do: func(f damaged, size int) {
		f.change(segmentOf(9), func(b []byte) []byte { b[9%atOnce*size+4] ^= 4; return b })
	}},
	{name: "an offset that jumps ahead at the end of a segment", left: 11, do: func(f damaged, size int) {
		f.change(segmentOf(11), func(b []byte) []byte { b[11%atOnce*size+6] ^= 4; return b })
	}},
	{name: "zeroes instead of a segment", left: 16, do: func(f damaged, size int) {
		f.change(segmentOf(16), func(b []byte) []byte { return make([]byte, len(b)) })
	}},
	{name: "a segment lost", left: 8, gaps: true, do: func(f damaged, size int) { f.remove(segmentOf(8)) }},
	{name: "a segment twice", left: 8, do: func(f damaged, size int) {
		first := contentOf(f.t, f.fs, logDir+"/"+segmentOf(0))
		f.change(segmentOf(8), func([]byte) []byte { return first })
	}},
	{name: "indexes lost", left: allOfThem, whole: true, do: func(f damaged, size int) {
		f.remove(segmentFile(12, IndexSuffix))
		f.remove(segmentFile(24, TimeIndexSuffix))
	}},
	{name: "indexes wrong", left: allOfThem, whole: true, do: func(f damaged, size int) {
		f.change(segmentFile(12, IndexSuffix), func(b []byte) []byte { b[7] ^= 1; return b })
		f.change(segmentFile(24, TimeIndexSuffix), func(b []byte) []byte { b[7] ^= 1; return b })
		f.change(segmentFile(0, TimeIndexSuffix), func(b []byte) []byte { return b[:len(b)-1] })
	}},
	{name: "a record and indexes", left: 9, do: func(f damaged, size int) {
		f.remove(segmentFile(0, IndexSuffix))
		f.change(segmentOf(9), func(b []byte) []byte { b[9%atOnce*size+batch.HeaderSize+5] ^= 4; return b })
	}},
}

// files are the contents of the segments and of what was cut off.
func files(t *testing.T, v vfs.FS) map[string][]byte {
	t.Helper()
	names, err := v.List(logDir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		if strings.HasSuffix(name, LogSuffix) || strings.HasSuffix(name, CutSuffix) {
			out[name] = contentOf(t, v, logDir+"/"+name)
		}
	}
	return out
}

// repairIt makes a plan and applies it.
func repairIt(t *testing.T, v vfs.FS, gaps bool) (*Plan, error) {
	t.Helper()
	r, err := openRepair(v, dataDir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p, err := r.Plan("t-0", gaps)
	if err != nil {
		return nil, err
	}
	return p, r.Apply(p)
}

// TestRepair: for every damage the plan says where the log will end, everything that was cut off is kept, a broker opens
// the log, has the batches before and goes on; and a second repair has nothing to do.
func TestRepair(t *testing.T) {
	for _, clean := range []bool{true, false} {
		for _, d := range damages {
			t.Run(fmt.Sprintf("%s, clean stop %t", d.name, clean), func(t *testing.T) {
				mem, all := wholeDir(t, clean)
				d.do(damaged{t, mem}, len(all[0]))
				before := files(t, mem)
				if _, _, err := openLog(t, mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})); d.shut && !errors.Is(err, storage.ErrCorrupt) {
					t.Fatalf("a broker needs no repair: %v", err)
				}
				p, err := repairIt(t, mem, d.gaps)
				if err != nil {
					t.Fatal(err)
				}
				if p.Damaged() == d.whole || p.End != int64(d.left*perBatch) || p.Damaged() && p.LostTo <= p.End {
					t.Fatalf("the plan was: %+v", p)
				}
				kept(t, mem, before)
				again, err := repairIt(t, mem, d.gaps)
				if err != nil || again.Needed() {
					t.Errorf("again: %v, %v", again, err)
				}
				serves(t, mem, all[:d.left])
			})
		}
	}
}

// kept wants every byte of the segments before either in them still or in a file beside.
func kept(t *testing.T, v vfs.FS, before map[string][]byte) {
	t.Helper()
	now := files(t, v)
	for name, content := range before {
		if strings.HasSuffix(name, CutSuffix) {
			continue
		}
		common := 0 // a crash may have spoiled what comes after
		for common < min(len(content), len(now[name])) && content[common] == now[name][common] {
			common++
		}
		found := common == len(content)
		for other, cut := range now {
			found = found || strings.HasSuffix(other, CutSuffix) && len(cut) >= len(content)-common && bytes.HasSuffix(content, cut)
		}
		if !found {
			t.Errorf("%d bytes of %s are nowhere: %v", len(content)-common, name, slices.Sorted(maps.Keys(now)))
		}
	}
}

// serves opens the log as a broker does, after a clean stop and after a kill, and wants it to hold these batches, to know
// their producer and to go on.
func serves(t *testing.T, mem *vfs.MemFS, want []batch.Batch) {
	t.Helper()
	for _, name := range []string{"the marker as it is", "no marker"} {
		v := mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
		if name == "no marker" {
			_ = v.Remove(dataDir + "/.kafka_cleanshutdown")
		}
		d, l, err := openLog(t, v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if l.LogStartOffset() != 0 || l.LogEndOffset() != int64(len(want)*perBatch) {
			t.Fatalf("%s: offsets %d to %d, want %d batches", name, l.LogStartOffset(), l.LogEndOffset(), len(want))
		}
		if got := contents(t, l); !bytes.Equal(got, bytes.Join(bytesOf(want), nil)) {
			t.Fatalf("%s: other batches", name)
		}
		if len(want) > 0 {
			if o, err := l.AppendClient(numbered(t, len(want)-1), 9, 0); err != nil || !o.Duplicate {
				t.Errorf("%s: the last batch again: %+v, %v", name, o, err)
			}
		}
		for i := len(want); i < len(want)+2*atOnce; i++ {
			if _, err := l.AppendClient(numbered(t, i), 9, 0); err != nil {
				t.Fatalf("%s: append: %v", name, err)
			}
		}
		if err := d.Close(true, 6); err != nil {
			t.Fatal(err)
		}
	}
}

func bytesOf(list []batch.Batch) (out [][]byte) {
	for _, b := range list {
		out = append(out, b)
	}
	return out
}

func contents(t *testing.T, l *storage.Log) (out []byte) {
	t.Helper()
	for from := int64(0); from < l.LogEndOffset(); {
		s, err := l.Read(from, 1<<20, l.LogEndOffset(), true)
		if err != nil {
			t.Fatal(err)
		}
		if out, err = s.AppendTo(out); err != nil {
			t.Fatal(err)
		}
		from = s.NextOffset()
		s.Close()
	}
	return out
}

// TestRepairCrashes cuts the power at every sync of a repair and at some of its other operations. After each cut a repair does the rest, or a broker that is started
// without it; and nothing that was cut off is lost.
func TestRepairCrashes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			mem, all := wholeDir(t, false)
			d.do(damaged{t, mem}, len(all[0]))
			before := files(t, mem)
			var crashed []*vfs.MemFS
			syncs := vfs.Ops(vfs.OpSyncData, vfs.OpSyncDir, vfs.OpSync)
			mem.SetHook(func(op vfs.Op, _ string) {
				if syncs.Has(op) || rng.IntN(12) == 0 {
					crashed = append(crashed, mem.CrashClone(rng, vfs.CrashOptions{}))
				}
			})
			if _, err := repairIt(t, mem, d.gaps); err != nil {
				t.Fatal(err)
			}
			mem.SetHook(nil)
			for i, v := range crashed {
				if i%3 == 0 { // and once more in the repair after the crash
					v = crashedAgain(t, v, d.gaps, rng)
				}
				if p, err := repairIt(t, v, d.gaps); err != nil || p.End != int64(d.left*perBatch) {
					t.Fatalf("after crash %d of %d: %+v, %v", i, len(crashed), p, err)
				}
				kept(t, v, before)
				serves(t, v, all[:d.left])
			}
		})
	}
}

// crashedAgain cuts the power at some operation of the repair of v.
func crashedAgain(t *testing.T, v *vfs.MemFS, gaps bool, rng *rand.Rand) *vfs.MemFS {
	t.Helper()
	out, left := v, rng.IntN(40)
	v.SetHook(func(vfs.Op, string) {
		if left--; left == 0 {
			out = v.CrashClone(rng, vfs.CrashOptions{})
		}
	})
	defer v.SetHook(nil)
	if _, err := repairIt(t, v, gaps); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRepairErrors fails every operation of a repair that writes or syncs in turn: it says so, and the next one does the rest.
func TestRepairErrors(t *testing.T) {
	for _, d := range damages {
		if d.left%2 == 1 { // one of a kind is enough
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			failed := true
			for n := 1; failed; n++ {
				mem, all := wholeDir(t, false)
				d.do(damaged{t, mem}, len(all[0]))
				before := files(t, mem)
				rules := vfs.MustRules(fmt.Sprintf("op=write-like,sync-like nth=%d err=EIO", n))
				v := vfs.WithErrors(mem, rules...)
				_, err := repairIt(t, v, d.gaps)
				if failed = rules[0].Hits() > 0; failed != (err != nil) {
					t.Fatalf("operation %d failed (%t), the repair says %v", n, failed, err)
				}
				if _, err := repairIt(t, mem, d.gaps); err != nil {
					t.Fatal(err)
				}
				kept(t, mem, before)
				serves(t, mem, all[:d.left])
			}
		})
	}
}

// TestRepairRefuses: a directory in use, one that is none, the metadata log, a log without its topic's id.
func TestRepairRefuses(t *testing.T) {
	mem, _ := wholeDir(t, true)
	d, _, err := openLog(t, mem)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openRepair(mem, dataDir); !errors.Is(err, ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	if err := d.Close(true, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := openRepair(mem, logDir); err == nil {
		t.Error("the directory of a log was taken for a data directory")
	}
	log, err := storage.OpenStandalone(mem, dataDir+"/"+metadataDir, kafka.TopicIDPartition{}, storage.Config{}, storage.StandaloneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := log.Append(numbered(t, i), 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	damaged{t, mem}.change("../"+metadataDir+"/"+segmentFile(0, LogSuffix), func(b []byte) []byte { b[batch.HeaderSize] ^= 1; return b })
	r, err := openRepair(mem, dataDir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if names, err := r.Logs(); err != nil || !slices.Equal(names, []string{metadataDir, "t-0"}) {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := r.Plan(metadataDir, false); !errors.Is(err, ErrNoRepair) {
		t.Errorf("metadata: %v", err)
	}
	if err := mem.Remove(logDir + "/partition.metadata"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Plan("t-0", false); !errors.Is(err, ErrNoRepair) {
		t.Errorf("without an identity: %v", err)
	}
}

// TestRepairLeavesTornEnds: what a broker cuts off by itself after a kill is left to it, and what lies below the log start is nobody's
// business.
func TestRepairLeavesTornEnds(t *testing.T) {
	mem, all := wholeDir(t, false)
	f := damaged{t, mem}
	f.change(segmentOf(21), func(b []byte) []byte { return append(b, b[:100]...) })
	p, err := repairIt(t, mem, false)
	if err != nil || p.Damaged() || p.Torn == "" || p.End != allOfThem*perBatch || len(files(t, mem)[segmentOf(21)]) != 2*len(all[0])+100 {
		t.Errorf("a torn end: %+v, %v", p, err)
	}
	serves(t, mem, all)

	f.change(segmentOf(0), func([]byte) []byte { return []byte("garbage") })
	f.change("../log-start-offset-checkpoint", func([]byte) []byte { return []byte("0\n1\nt 0 13\n") })
	if p, err = repairIt(t, mem, false); err != nil || p.Damaged() || p.Start != 12 {
		t.Errorf("damage below the log start: %+v, %v", p, err)
	}
}

// TestRepairAndCommitLog: what a crash left in the commit log for a log that is cut is set aside, as it does not follow any more; and a commit
// log that no start has looked at yet may hold what a repair would cut.
func TestRepairAndCommitLog(t *testing.T) {
	mem, all := wholeDir(t, false)
	f := damaged{t, mem}
	f.change(segmentOf(9), func(b []byte) []byte { b[9%atOnce*len(all[0])+batch.HeaderSize+5] ^= 4; return b })
	put := func(name string) {
		t.Helper()
		file, err := mem.Create(dataDir + "/" + name)
		if err = errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	replay := fmt.Sprintf(".thalweg-replay-%x-0", repairedTopic.ID[:])
	put(replay)
	put(".thalweg-commitlog-000")
	if _, err := repairIt(t, mem, false); !errors.Is(err, ErrNoRepair) {
		t.Fatalf("with a commit log: %v", err)
	}
	if err := mem.Remove(dataDir + "/.thalweg-commitlog-000"); err != nil {
		t.Fatal(err)
	}
	p, err := repairIt(t, mem, false)
	if err != nil || !strings.Contains(p.String(), "lost, too") {
		t.Fatalf("%s %v", p, err)
	}
	if _, err := mem.Stat(dataDir + "/" + replay); err == nil {
		t.Error("what would have been replayed is still there")
	}
	if _, err := mem.Stat(dataDir + "/" + replay + CutSuffix); err != nil {
		t.Error(err)
	}
	serves(t, mem, all[:9])
}

// TestRepairKeepsBoth: damage at a place where another repair has cut before does not write over what that one kept.
func TestRepairKeepsBoth(t *testing.T) {
	mem, all := wholeDir(t, true)
	f := damaged{t, mem}
	for range 2 {
		f.change(segmentOf(9), func(b []byte) []byte { return append(b[:9%atOnce*len(all[0])], byte(len(b)), 1, 2) })
		if _, err := repairIt(t, mem, false); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for name := range files(t, mem) {
		if strings.HasPrefix(name, ".thalweg-00000000000000000024-") {
			names = append(names, name)
		}
	}
	if len(names) != 2 {
		t.Errorf("%q", names)
	}
}

// FuzzRepair: whatever the bytes of a log, a repair ends with one that a broker opens, and keeps the rest.
func FuzzRepair(f *testing.F) {
	f.Add(uint16(0), []byte{1}, false)
	f.Add(uint16(500), []byte{0, 0, 0, 0, 255, 255}, true)
	f.Add(uint16(300), []byte("garbage that is longer than a header of a batch, which has 61 bytes, and goes on for a while"), false)
	f.Fuzz(func(t *testing.T, at uint16, xor []byte, gaps bool) {
		mem, all := wholeDir(t, false)
		name := segmentOf(int(at) % allOfThem)
		damaged{t, mem}.change(name, func(b []byte) []byte {
			for i, x := range xor {
				if place := int(at)%len(all[0]) + i; place < len(b) {
					b[place] ^= x
				}
			}
			return b
		})
		before := files(t, mem)
		p, err := repairIt(t, mem, gaps)
		if err != nil {
			t.Fatal(err)
		}
		kept(t, mem, before)
		if len(p.Gaps) > 0 { // the topic is not compacted
			before = files(t, mem)
			if p, err = repairIt(t, mem, true); err != nil {
				t.Fatal(err)
			}
			kept(t, mem, before)
		}
		d, l, err := openLog(t, mem)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		if l.LogEndOffset() != p.End {
			t.Errorf("the log ends at %d, not %d", l.LogEndOffset(), p.End)
		}
		if err := d.Close(true, 6); err != nil {
			t.Error(err)
		}
	})
}

func (f damaged) putBeside(name, text string) {
	f.t.Helper()
	file, err := f.fs.Create(dataDir + "/" + name)
	if err == nil {
		_, err = file.WriteAt([]byte(text), 0)
	}
	if err = errors.Join(err, file.Sync(), file.Close(), f.fs.SyncDir(dataDir)); err != nil {
		f.t.Fatal(err)
	}
}

// TestRepairOfTheStart: a log start above the log's end keeps the log closed; a repair takes it back, and nothing is cut. Where a log is
// cut below its start, it starts where it ends.
func TestRepairOfTheStart(t *testing.T) {
	for _, clean := range []bool{true, false} {
		mem, all := wholeDir(t, clean)
		damaged{t, mem}.putBeside("log-start-offset-checkpoint", "0\n1\nt 0 5000\n")
		if _, _, err := openLog(t, mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})); !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("a broker needs no repair: %v", err)
		}
		p, err := repairIt(t, mem, false)
		if err != nil || !p.Damaged() || len(p.Cuts) > 0 || !strings.Contains(p.Reason, "5000") {
			t.Fatalf("%+v, %v", p, err)
		}
		if again, err := repairIt(t, mem, false); err != nil || again.Needed() {
			t.Errorf("again: %v, %v", again, err)
		}
		serves(t, mem, all)

		mem, _ = wholeDir(t, clean)
		f := damaged{t, mem}
		f.putBeside("log-start-offset-checkpoint", "0\n1\nt 0 50\n")
		f.change(segmentOf(16), func(b []byte) []byte { b[batch.HeaderSize+5] ^= 4; return b })
		if p, err := repairIt(t, mem, false); err != nil || p.End != 48 {
			t.Fatalf("%+v, %v", p, err)
		}
		_, l, err := openLog(t, mem)
		if err != nil || l.LogStartOffset() != 48 || l.LogEndOffset() != 48 {
			t.Fatalf("cut below its start: %v", err)
		}
	}
}

// TestRepairOfAHole: what a start would add to a log and does not continue it keeps the log closed, as does such a file that cannot be read; a
// repair sets it aside.
func TestRepairOfAHole(t *testing.T) {
	mem := vfs.NewMem()
	d, l, err := openLog(t, mem)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := l.AppendClient(numbered(t, i), 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	d.SyncOnce()
	mem = mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.LoseUnsynced})
	if _, err := storage.OpenDir(mem, dataDir, storage.DirOptions{ClusterID: "c", NodeID: 7, Random: ids()}); err != nil {
		t.Fatal(err)
	}
	mem = mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})
	replay := fmt.Sprintf(".thalweg-replay-%x-0", repairedTopic.ID[:])
	content := contentOf(t, mem, dataDir+"/"+replay)
	if p, err := repairIt(t, mem, false); err != nil || p.Needed() {
		t.Fatalf("without damage: %+v, %v", p, err)
	}
	content[len(content)-5] ^= 1
	f := damaged{t, mem}
	f.putBeside(replay, string(content))
	if _, _, err := openLog(t, mem.CrashClone(nil, vfs.CrashOptions{Unsynced: vfs.KeepUnsynced})); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("a broker needs no repair: %v", err)
	}
	p, err := repairIt(t, mem, false)
	if err != nil || !p.Damaged() || !strings.Contains(p.File, replay) {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := mem.Stat(dataDir + "/" + replay + CutSuffix); err != nil {
		t.Error(err)
	}
	if _, l, err = openLog(t, mem); err != nil || l.LogEndOffset() != 0 {
		t.Errorf("after the repair: %v", err)
	}
}
